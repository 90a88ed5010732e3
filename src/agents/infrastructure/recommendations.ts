import type { AlertType } from './alerts.js';

/** What helps against an alert, for the person who reads it. */
export const RECOMMENDATIONS: Readonly<Record<AlertType, readonly string[]>> = {
  high_cpu: [
    'See which tasks run now (GET /tasks?status=running) and whether one of them runs away.',
    'Lower JCT_WORKER_CONCURRENCY, or give expensive task types a queue with workers of its own.',
    'Add a worker on another machine.',
  ],
  high_memory: [
    'Set options.sandbox.memory_mb for the tasks that need most.',
    'Lower JCT_WORKER_CONCURRENCY, so that fewer tasks run at once.',
    'Add a worker on a machine with more memory.',
  ],
  high_disk: [
    'Run a cleanup task for traces and workspaces, first with dry_run.',
    'Lower JCT_RETENTION_DAYS or JCT_LOG_BYTES_MAX.',
    'Move JCT_TRACE_ROOT or JCT_WORKSPACE_ROOT to a larger disk.',
  ],
  high_load: [
    'See which tasks run now, and whether they wait for a slow disk or network.',
    'Lower JCT_WORKER_CONCURRENCY.',
    'Add a worker on another machine.',
  ],
  queue_waiting: [
    'Ask why the oldest task does not run: GET /tasks/{id}/explain.',
    'See whether a worker lives and serves its queue: GET /status.',
    'Raise JCT_WORKER_CONCURRENCY, or add a worker.',
  ],
};
