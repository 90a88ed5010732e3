import type { StepSpec } from '../definition/definition.js';
import type { RunBoard } from './run-board.js';
import { hasEnded, isHardStop, isHead, type StepState } from './run-state.js';

/** Ends a row whose task, workflow or wait has ended. */
export function settle(board: RunBoard, row: StepState): void {
  if (row.status !== 'running') return;
  const spec = board.spec(row.name);
  if (row.taskId !== null) settleTask(board, row, row.taskId);
  else if (row.childRunId !== null) settleChild(board, row, row.childRunId);
  else if (isHead(row) && spec.wait_for !== null) settleEventWait(board, row, spec);
  else if (isHead(row) && spec.wait_until !== null) settleTimeWait(board, row);
}

function settleTask(board: RunBoard, row: StepState, taskId: string): void {
  const task = board.observed.tasks.get(taskId);
  if (task === undefined) return board.end(row, 'failed', { error: 'Its task is not there any more.' });
  const { status, result, error } = task;
  switch (status) {
    case 'completed':
      return board.end(row, 'completed', { result });
    case 'failed':
      return board.end(row, 'failed', { result, error: error ?? 'Its task has failed.' });
    case 'cancelled':
      return isHardStop(board.stopping)
        ? board.end(row, 'cancelled', { result, error })
        : board.end(row, 'failed', { result, error: error ?? 'Its task was cancelled.' });
    case 'pending':
    case 'queued':
    case 'running':
      return;
    default:
      return status satisfies never;
  }
}

function settleChild(board: RunBoard, row: StepState, childRunId: string): void {
  const child = board.observed.children.get(childRunId);
  if (child === undefined) return board.end(row, 'failed', { error: 'Its run is not there any more.' });
  const result = { run_id: childRunId, status: child.status };
  switch (child.status) {
    case 'completed':
      return board.end(row, 'completed', { result });
    case 'failed':
      return board.end(row, 'failed', { result, error: child.error ?? 'Its workflow has failed.' });
    case 'cancelled':
      return isHardStop(board.stopping)
        ? board.end(row, 'cancelled', { result, error: child.error })
        : board.end(row, 'failed', { result, error: child.error ?? 'Its workflow was cancelled.' });
    case 'queued':
    case 'running':
      return;
    default:
      return child.status satisfies never;
  }
}

function settleEventWait(board: RunBoard, row: StepState, { wait_for, timeout_seconds }: StepSpec): void {
  const event = board.observed.received.get(row.name);
  if (event !== undefined) return board.end(row, 'completed', { result: { event } });
  if (row.wakeAt === null || board.observed.now < row.wakeAt) return;
  const error = `No event ${wait_for!.event} that fits came within ${timeout_seconds} s.`;
  board.end(row, 'failed', { error });
}

function settleTimeWait(board: RunBoard, row: StepState): void {
  if (row.wakeAt === null || board.observed.now < row.wakeAt) return;
  board.end(row, 'completed', { result: { at: row.wakeAt.toISOString() } });
}

/** Ends a step that is done for each item, once all items have ended. */
export function settleFanOut(board: RunBoard, step: StepSpec): void {
  const head = board.head(step.name);
  if (step.for_each === null || head.status !== 'running') return;
  const items = board.items(step.name);
  if (!items.every(hasEnded)) return;
  const result = { items: items.map(({ status, result: own, error }) => ({ status, result: own, error })) };
  const failed = items.filter(({ status }) => status === 'failed');
  if (failed.length > 0) {
    const error = `${failed.length} of ${items.length} have failed; item ${failed[0].item}: ${failed[0].error ?? ''}`;
    return board.end(head, 'failed', { result, error });
  }
  if (items.every(({ status }) => status === 'completed')) return board.end(head, 'completed', { result });
  board.end(head, 'cancelled', { result, error: 'Not every item was begun, since the run was stopped.' });
}
