import { Tasks0001 } from './0001-tasks.js';
import { Callbacks0002 } from './0002-callbacks.js';
import { LateResults0003 } from './0003-late-results.js';
import { ClockSkew0004 } from './0004-clock-skew.js';
import { LostWithWorker0005 } from './0005-lost-with-worker.js';
import { Events0006 } from './0006-events.js';
import { Workflows0007 } from './0007-workflows.js';
import { Agents0008 } from './0008-agents.js';

/** Every migration in its order: appended to, never edited. Listed, not globbed: the same list runs from src and dist. */
export const MIGRATIONS = [
  Tasks0001,
  Callbacks0002,
  LateResults0003,
  ClockSkew0004,
  LostWithWorker0005,
  Events0006,
  Workflows0007,
  Agents0008,
];
