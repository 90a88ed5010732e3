import { Tasks0001 } from './0001-tasks.js';
import { Callbacks0002 } from './0002-callbacks.js';
import { LateResults0003 } from './0003-late-results.js';
import { Events0004 } from './0004-events.js';
import { Workflows0005 } from './0005-workflows.js';
import { Agents0006 } from './0006-agents.js';

/** Every migration in its order: appended to, never edited. Listed, not globbed: the same list runs from src and dist. */
export const MIGRATIONS = [Tasks0001, Callbacks0002, LateResults0003, Events0004, Workflows0005, Agents0006];
