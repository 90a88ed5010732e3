import type { Type } from '@nestjs/common';
import { plainToInstance } from 'class-transformer';
import type { JsonObject } from '../common/json.js';
import { VERSION } from '../common/version.js';
import type { RunContext, RunLog } from '../task-types/executor.js';
import type { FailureReason, Outcome } from '../task-types/outcome.js';
import type { Ending } from '../tasks/queue/ending.js';
import type { ClaimedTask } from '../tasks/queue/task-queue.js';
import { requestOf } from '../tasks/tasks.service.js';
import type { ActiveRun } from './active-run.js';

/** input.json: the task as it was claimed, before anything runs. */
export function runInput(task: ClaimedTask): JsonObject {
  return {
    task_id: task.id,
    run_id: task.runId,
    attempt: task.attempt,
    ...requestOf(task),
    options: task.options,
    policy: task.policy,
    requested_by: task.requestedBy,
    request_id: task.requestId,
    replay_of: task.replayOf,
    created_at: task.createdAt.toISOString(),
  };
}

/** output.json: what came of the run. */
export function runOutput(ending: Ending, startedAt: Date, finishedAt: Date): JsonObject {
  return {
    status: ending.status === 'retry' ? 'failed' : ending.status,
    will_retry: ending.status === 'retry' || ending.status === 'released',
    failure: 'failure' in ending ? ending.failure : null,
    started_at: startedAt.toISOString(),
    finished_at: finishedAt.toISOString(),
    duration_ms: finishedAt.getTime() - startedAt.getTime(),
    result: 'result' in ending ? ending.result : null,
  };
}

/** What manifest.json says beside the list of files. */
export function runManifest(task: ClaimedTask, ending: Ending, finishedAt: Date): JsonObject {
  return {
    tower_version: VERSION,
    node_version: process.version,
    type: task.type,
    status: ending.status === 'retry' ? 'failed' : ending.status,
    worker_id: task.workerId,
    finished_at: finishedAt.toISOString(),
    policy_version: (task.policy as { version?: string }).version ?? null,
  };
}

export function failedBecause(reason: FailureReason, message: string, retryable: boolean): Outcome {
  return { status: 'failed', failure: { reason, message }, result: {}, retryable };
}

/** What the executor is given. */
export function runContext(run: ActiveRun, payload: Type<object>, log: RunLog): RunContext {
  const { id, type, target, options, attempt } = run.task;
  return {
    task: { id, type, target, timeoutSeconds: options.timeout_seconds, sandbox: options.sandbox },
    payload: plainToInstance(payload, run.task.payload),
    runId: run.id,
    attempt,
    signal: run.signal,
    log,
  };
}
