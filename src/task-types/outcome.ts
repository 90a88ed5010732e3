import type { JsonObject } from '../common/json.js';

/** Why a run did not succeed. Stable words of the API: `failure.reason`. */
export const FAILURE_REASONS = [
  'exit_code',
  'timeout',
  'cancelled',
  'worker_lost',
  'sandbox',
  'trace_storage',
  'check',
  'expired',
  'error',
] as const;
export type FailureReason = (typeof FAILURE_REASONS)[number];

export interface Failure {
  reason: FailureReason;
  /** One or two sentences for a person; masked, at most 2,000 characters. */
  message: string;
}

/**
 * What came of executing a task: a value, never an exception (an exception means a bug in the executor and ends the run
 * as `failed/error`). `result` becomes `output.json` and `task.result`: at most 64 KiB of JSON.
 */
export type Outcome =
  | { status: 'completed'; result: JsonObject }
  /** `retryable: false` fails the task at once, whatever retries are left (a refused input will not improve). */
  | { status: 'failed'; failure: Failure; result: JsonObject; retryable: boolean }
  /** It ended because `signal` was aborted; what that means is known by whoever aborted it. */
  | { status: 'stopped'; result: JsonObject };
