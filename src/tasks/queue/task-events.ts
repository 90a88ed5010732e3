import type { EntityManager } from 'typeorm';
import type { JsonObject } from '../../common/json.js';
import type { SqlClock } from '../../database/statements.js';
import { EVENT_TYPES } from '../../events/event-types.js';
import { insertEvents, type NewEvent } from '../../events/insert-events.js';
import { isTerminal } from '../task-status.js';
import type { TaskEntity } from '../task.entity.js';
import { insertCallback } from './callback-outbox.js';

/** The source of the events that the queue records. */
export const TASK_EVENT_SOURCE = 'tasks';

/** Task types whose start is an event. */
export const START_EVENTS = new Map<string, string>([
  ['build', EVENT_TYPES.BUILD_STARTED],
  ['deploy', EVENT_TYPES.DEPLOYMENT_STARTED],
]);

const COMPLETED_EVENTS = new Map<string, string>([
  ['build', EVENT_TYPES.BUILD_COMPLETED],
  ['deploy', EVENT_TYPES.DEPLOYMENT_COMPLETED],
  ['scan', EVENT_TYPES.SECURITY_SCAN_COMPLETE],
]);

const FAILED_EVENTS = new Map<string, string>([
  ['build', EVENT_TYPES.BUILD_FAILED],
  ['deploy', EVENT_TYPES.DEPLOYMENT_FAILED],
  // It fails on what it finds; `status` and `failure` tell.
  ['scan', EVENT_TYPES.SECURITY_SCAN_COMPLETE],
]);

/**
 * Writes what others are told of tasks that have ended: the messages to their callback URLs, and with one statement the
 * events. Call it inside every transaction that may end tasks, with the rows as that transaction left them.
 */
export async function recordEnds(
  manager: EntityManager,
  clock: SqlClock,
  tasks: readonly TaskEntity[],
): Promise<void> {
  const ended = tasks.filter(({ status }) => isTerminal(status));
  for (const task of ended) await insertCallback(manager, clock, task);
  await insertEvents(manager, clock, ended.flatMap(endEvents));
}

/** Writes the events of tasks that were just claimed. @returns whether there are any */
export async function recordStarts(
  manager: EntityManager,
  clock: SqlClock,
  tasks: readonly TaskEntity[],
): Promise<boolean> {
  const events = tasks.flatMap((task) => eventOf(task, START_EVENTS.get(task.type)));
  await insertEvents(manager, clock, events);
  return events.length > 0;
}

function endEvents(task: TaskEntity): NewEvent[] {
  const { status, type } = task;
  const special =
    status === 'completed'
      ? COMPLETED_EVENTS.get(type)
      : status === 'failed'
        ? FAILED_EVENTS.get(type)
        : undefined;
  return [...eventOf(task, `task.${status}`), ...eventOf(task, special)];
}

function eventOf(task: TaskEntity, type: string | undefined): NewEvent[] {
  if (type === undefined) return [];
  return [
    {
      type,
      source: TASK_EVENT_SOURCE,
      data: dataOf(task),
      priority: task.priority,
      causedBy: { kind: 'task', id: task.id },
      actor: task.requestedBy,
    },
  ];
}

/** Thin on purpose, as the body of a callback; START_DATA_SQL in claim-statement.ts says the same in SQL. */
function dataOf(task: TaskEntity): JsonObject {
  return {
    task_id: task.id,
    type: task.type,
    status: task.status,
    attempt: task.attempt,
    failure: task.failureReason === null ? null : { reason: task.failureReason, message: task.error ?? '' },
    target: task.target,
    tags: task.tags,
    trace_path: task.tracePath,
  };
}
