import type { Outcome } from '../task-types/outcome.js';
import type { StopReason } from '../task-types/executor.js';
import { backoffSeconds, type Ending } from '../tasks/queue/ending.js';

/** The facts of a task on which its ending depends. */
export interface RetryFacts {
  attempt: number;
  excusedRuns: number;
  maxAttempts: number;
  timeoutSeconds: number;
  retryDelaySeconds: number;
}

/**
 * From what came of a run to what becomes of its task. A result that beat the request to stop counts: a command that
 * ended by itself is never reported as cancelled or timed out.
 *
 * @param stop why the run was told to end; undefined when it was not
 * @returns null when the lease is lost: then this run has nothing to say
 */
export function decideEnding(
  outcome: Outcome,
  stop: StopReason | undefined,
  task: RetryFacts,
): Ending | null {
  if (stop === 'lease_lost') return null;
  switch (outcome.status) {
    case 'completed':
      return { status: 'completed', result: outcome.result };
    case 'failed':
      return retryOrFail(outcome, task);
    case 'stopped':
      return stopped(outcome, stop, task);
    default:
      return outcome satisfies never;
  }
}

function stopped(
  { result }: Extract<Outcome, { status: 'stopped' }>,
  stop: Exclude<StopReason, 'lease_lost'> | undefined,
  task: RetryFacts,
): Ending {
  switch (stop) {
    case 'timeout': {
      const message = `The run took longer than timeout_seconds (${task.timeoutSeconds}) and was stopped.`;
      return retryOrFail({ failure: { reason: 'timeout', message }, result, retryable: true }, task);
    }
    case 'cancelled':
      return {
        status: 'cancelled',
        failure: { reason: 'cancelled', message: 'Cancelled while it ran.' },
        result,
      };
    case 'shutdown': {
      const message = 'The worker shut down before the task had ended; it is queued again.';
      return { status: 'released', failure: { reason: 'worker_lost', message } };
    }
    case undefined: {
      const message = 'The executor says that it was stopped, but nobody asked it to.';
      return retryOrFail({ failure: { reason: 'error', message }, result, retryable: false }, task);
    }
    default:
      return stop satisfies never;
  }
}

function retryOrFail(
  {
    failure,
    result,
    retryable,
  }: Pick<Extract<Outcome, { status: 'failed' }>, 'failure' | 'result' | 'retryable'>,
  task: RetryFacts,
): Ending {
  const used = task.attempt - task.excusedRuns;
  if (!retryable || used >= task.maxAttempts) return { status: 'failed', failure, result };
  return { status: 'retry', failure, result, delaySeconds: backoffSeconds(task.retryDelaySeconds, used) };
}
