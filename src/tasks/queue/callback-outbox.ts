import type { EntityManager } from 'typeorm';
import { newId } from '../../common/ids.js';
import { execute, insertSql, type SqlClock } from '../../database/statements.js';
import type { Signals } from '../../signals/signals.js';
import { type CallbackAttempt, CallbackEntity, type CallbackEvent } from '../callback.entity.js';
import { isTerminal } from '../task-status.js';
import type { TaskEntity } from '../task.entity.js';

const HOST_CHARACTERS_MAX = 255;

/**
 * Writes the message to the task's `callback_url` that says how it ended; nothing when it asked for none or has not ended.
 * Called by recordEnds(), inside the transaction that ended the task.
 */
export async function insertCallback(
  manager: EntityManager,
  clock: SqlClock,
  task: TaskEntity,
): Promise<void> {
  if (task.callbackUrl === null || !isTerminal(task.status)) return;
  const event = `task.${task.status}` as CallbackEvent;
  const callback = {
    id: newId(),
    taskId: task.id,
    url: task.callbackUrl,
    host: hostOf(task.callbackUrl),
    event,
    body: bodyOf(task, event),
    status: 'pending' as const,
    attempt: 0,
    history: [] as CallbackAttempt[],
    leaseId: null,
    deliveredAt: null,
  };
  const { sql, parameters } = insertSql(
    manager.dataSource.getMetadata(CallbackEntity),
    callback as unknown as CallbackEntity,
    { createdAt: clock.now, nextAttemptAt: clock.now },
  );
  await execute(manager, sql, parameters);
}

/** Tells those who wait that a task has ended; after the commit. */
export function announceEnd(signals: Signals, { id, callbackUrl }: TaskEntity): void {
  signals.announce(`settled:${id}`);
  signals.announce('events');
  if (callbackUrl !== null) signals.announce('callbacks');
}

/** Thin on purpose, and below 20 KB: the receiver asks for the task when it wants to know more. */
function bodyOf(task: TaskEntity, event: CallbackEvent): string {
  return JSON.stringify({
    type: event,
    timestamp: task.completedAt!.toISOString(),
    data: {
      task_id: task.id,
      status: task.status,
      type: task.type,
      attempt: task.attempt,
      failure: task.failureReason === null ? null : { reason: task.failureReason, message: task.error ?? '' },
      trace_path: task.tracePath,
    },
  });
}

/** Never throws and never too long for its column: a strange URL must not keep its task from ending. */
function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host.slice(0, HOST_CHARACTERS_MAX) : '';
}
