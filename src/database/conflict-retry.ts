import { setTimeout as delay } from 'node:timers/promises';
import { isConflict } from './database-errors.js';

const RETRIES_MAX = 3;
const FIRST_DELAY_MS = 20;

/**
 * Does the work again, at most three times, when PostgreSQL took it back in favour of another transaction: a deadlock or a
 * serialization failure. Nothing of it has happened then, so the work must be a whole transaction or a statement of its
 * own. The delays are random, lest the same two meet again.
 */
export async function retryConflicts<T>(work: () => Promise<T>): Promise<T> {
  for (let failures = 0; ; failures += 1) {
    try {
      return await work();
    } catch (error) {
      if (!isConflict(error) || failures === RETRIES_MAX) throw error;
      await delay(FIRST_DELAY_MS * 2 ** failures * (0.5 + Math.random()));
    }
  }
}
