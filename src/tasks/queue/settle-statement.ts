import type { EntityManager } from 'typeorm';
import type { JsonObject } from '../../common/json.js';
import { execute, insertSql, type SqlClock } from '../../database/statements.js';
import type { Ending } from './ending.js';
import { type RunStatus, TaskRunEntity } from '../task-run.entity.js';
import { type TaskEntity } from '../task.entity.js';

/** The guarded UPDATE that ends a run, as storableEnding() gave it; the caller may append further guards and RETURNING. */
export function settleSql(
  clock: SqlClock,
  runId: string,
  ending: Ending,
): { sql: string; parameters: unknown[] } {
  const parameters: unknown[] = [];
  const bind = (value: unknown): string => `$${parameters.push(value)}`;
  const changes = [
    ...stateChanges(clock, ending, bind),
    'run_id = NULL',
    'lease_expires_at = NULL',
    `updated_at = ${clock.now}`,
  ];
  const sql = `UPDATE tasks SET ${changes.join(', ')} WHERE status = 'running' AND run_id = ${bind(runId)}`;
  return { sql, parameters };
}

function stateChanges(clock: SqlClock, ending: Ending, bind: (value: unknown) => string): string[] {
  const json = (value: JsonObject | null): string => bind(value === null ? null : JSON.stringify(value));
  switch (ending.status) {
    case 'completed':
      return [
        `status = 'completed'`,
        `completed_at = ${clock.now}`,
        `result = ${json(ending.result)}`,
        'failure_reason = NULL',
        'error = NULL',
      ];
    case 'failed':
    case 'cancelled':
      return [
        `status = '${ending.status}'`,
        `completed_at = ${clock.now}`,
        `result = ${json(ending.result)}`,
        `failure_reason = ${bind(ending.failure.reason)}`,
        `error = ${bind(ending.failure.message)}`,
      ];
    case 'retry':
      return [
        ...queueAgain(clock, `'schedule'`, clock.after(bind(ending.delaySeconds))),
        `result = ${json(ending.result)}`,
        `failure_reason = ${reasonUnlessCancelled(bind(ending.failure.reason))}`,
        `error = ${bind(ending.failure.message)}`,
      ];
    case 'lost':
    case 'released':
      return [
        ...('delaySeconds' in ending
          ? queueAgain(clock, `'schedule'`, clock.after(bind(ending.delaySeconds)))
          : queueAgain(clock, 'NULL', clock.now)),
        'excused_runs = excused_runs + 1',
        `failure_reason = ${reasonUnlessCancelled(bind(ending.failure.reason))}`,
        `error = ${bind(ending.failure.message)}`,
      ];
    case 'given_up':
      return [
        `status = CASE WHEN cancel_requested_at IS NULL THEN 'failed' ELSE 'cancelled' END`,
        `completed_at = ${clock.now}`,
        'result = NULL',
        `failure_reason = ${reasonUnlessCancelled(bind(ending.failure.reason))}`,
        `error = ${bind(ending.failure.message)}`,
      ];
    default:
      return ending satisfies never;
  }
}

/** Back to the queue, unless somebody asked to cancel meanwhile: then that is what happens, in the same statement. */
function queueAgain(clock: SqlClock, hold: string, runAt: string): string[] {
  return [
    `status = CASE WHEN cancel_requested_at IS NULL THEN 'queued' ELSE 'cancelled' END`,
    `hold = CASE WHEN cancel_requested_at IS NULL THEN ${hold} END`,
    `completed_at = CASE WHEN cancel_requested_at IS NULL THEN NULL ELSE ${clock.now} END`,
    `run_at = ${runAt}`,
  ];
}

function reasonUnlessCancelled(reason: string): string {
  return `CASE WHEN cancel_requested_at IS NULL THEN ${reason} ELSE 'cancelled' END`;
}

/** Writes the row of the run that `task` has just ended. */
export async function insertRun(
  manager: EntityManager,
  clock: SqlClock,
  task: TaskEntity,
  runId: string,
  ending: Ending,
  manifestSha256: string | null,
): Promise<void> {
  const metadata = manager.dataSource.getMetadata(TaskRunEntity);
  const run = metadata.create() as TaskRunEntity;
  Object.assign(run, {
    id: runId,
    taskId: task.id,
    number: task.attempt,
    status: runStatus(ending),
    workerId: task.workerId,
    failureReason: 'failure' in ending ? ending.failure.reason : null,
    error: 'failure' in ending ? ending.failure.message : null,
    result: 'result' in ending ? ending.result : null,
    tracePath: task.tracePath,
    manifestSha256,
    lateResult: null,
    startedAt: task.startedAt,
  });
  const { sql, parameters } = insertSql(metadata, run, { finishedAt: clock.now });
  await execute(manager, sql, parameters);
}

/** Whether this is what insertRun() wrote: who ends the run of a worker that fell silent says another thing. */
export function isRowOf(run: TaskRunEntity, ending: Ending, manifestSha256: string | null): boolean {
  const reason = 'failure' in ending ? ending.failure.reason : null;
  return (
    run.status === runStatus(ending) && run.failureReason === reason && run.manifestSha256 === manifestSha256
  );
}

function runStatus({ status }: Ending): RunStatus {
  return status === 'retry' || status === 'given_up' ? 'failed' : status;
}
