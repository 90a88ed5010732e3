import { Tasks0001 } from './0001-tasks.js';

/** Every migration in its order: appended to, never edited. Listed, not globbed: the same list runs from src and dist. */
export const MIGRATIONS = [Tasks0001];
