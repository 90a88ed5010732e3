import type { JsonObject } from '../../common/json.js';
import type { Failure } from '../../task-types/outcome.js';

/** How a run shall end on the task's row: decided first, carried out by TaskQueue.settle(). */
export type Ending =
  | { status: 'completed'; result: JsonObject }
  | { status: 'failed'; failure: Failure; result: JsonObject | null }
  | { status: 'cancelled'; failure: Failure; result: JsonObject | null }
  /** The run failed; the task is queued again after the delay. */
  | { status: 'retry'; failure: Failure; result: JsonObject | null; delaySeconds: number }
  /** The worker died or fell silent; the task is queued again, at once or after the delay, and no attempt is used up. */
  | { status: 'lost'; failure: Failure; delaySeconds?: number }
  /** As `lost`, but once too often: the task fails. */
  | { status: 'given_up'; failure: Failure }
  /** The worker shuts down; as `lost`, but nobody's fault. */
  | { status: 'released'; failure: Failure };

const BACKOFF_MAX_SECONDS = 900;

/**
 * Delay before the retry after run number `attempt`: doubles each time, capped at 15 minutes, half of it random so that
 * tasks that failed together do not come back together.
 */
export function backoffSeconds(firstSeconds: number, attempt: number, random = Math.random()): number {
  const full = Math.min(BACKOFF_MAX_SECONDS, firstSeconds * 2 ** Math.min(attempt - 1, 30));
  return full / 2 + (full / 2) * random;
}
