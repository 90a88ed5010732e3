import { newId } from '../../src/common/ids.js';
import type { NewTask } from '../../src/tasks/queue/task-control.js';
import { priorityRank } from '../../src/tasks/task-status.js';

/** A queued task as intake would store it. */
export function newTask(changes: Partial<NewTask> = {}): NewTask {
  const priority = changes.priority ?? 'medium';
  return {
    id: newId(),
    type: 'test',
    status: 'queued',
    priority,
    priorityRank: priorityRank(priority),
    source: 'api',
    payload: {},
    target: null,
    options: {
      timeout_seconds: 900,
      retries: 0,
      retry_delay_seconds: 5,
      queue: 'default',
      sandbox: { mode: 'preferred', network: false },
    },
    metadata: {},
    tags: [],
    idempotencyKey: null,
    requestHash: '0'.repeat(64),
    callbackUrl: null,
    queue: 'default',
    concurrencyKey: null,
    runAt: null,
    expiresAt: null,
    attempt: 0,
    maxAttempts: 1,
    excusedRuns: 0,
    runId: null,
    workerId: null,
    leaseExpiresAt: null,
    cancelRequestedAt: null,
    requestedBy: null,
    requestId: null,
    causedByKind: null,
    causedById: null,
    policy: {},
    replayOf: null,
    result: null,
    failureReason: null,
    error: null,
    tracePath: null,
    startedAt: null,
    completedAt: null,
    ...changes,
  };
}
