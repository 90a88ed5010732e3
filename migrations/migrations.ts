import { Tasks0001 } from './0001-tasks.js';
import { Callbacks0002 } from './0002-callbacks.js';

/** Every migration in its order: appended to, never edited. Listed, not globbed: the same list runs from src and dist. */
export const MIGRATIONS = [Tasks0001, Callbacks0002];
