import type { Definition, StepSpec } from '../definition/definition.js';
import { RunBoard } from './run-board.js';
import {
  hasEnded,
  isHardStop,
  type Observations,
  type Plan,
  type RunState,
  type StepState,
} from './run-state.js';
import { settle, settleFanOut } from './settle-steps.js';
import { beginItems, beginStep } from './begin-step.js';

/**
 * What follows from how a run stands and from what is observed: a pure function, so that whoever looks, in whatever
 * order and however often, comes to the same. A step goes only forward (pending, starting, running, ended), and one that
 * has ended never changes; so nothing is begun twice. A plan without changes means that the run waits for something.
 */
export function advance(
  definition: Definition,
  run: RunState,
  steps: readonly StepState[],
  observed: Observations,
): Plan {
  const board = new RunBoard(definition, run, steps, observed);
  if (run.status === 'queued' && run.cancelRequestedAt === null) return board.plan();
  do {
    board.changed = false;
    for (const row of board.rows()) settle(board, row);
    for (const step of definition.steps) settleFanOut(board, step);
    decideStop(board);
    for (const step of definition.steps) progress(board, step);
  } while (board.changed);
  decideEnd(board);
  return board.plan();
}

function decideStop(board: RunBoard): void {
  const { run, observed } = board;
  if (run.cancelRequestedAt !== null) {
    board.stop('cancelled', `Cancelled${run.cancelledBy === null ? '' : ` by ${run.cancelledBy}`}.`);
  } else if (run.deadlineAt !== null && observed.now >= run.deadlineAt) {
    board.stop('timeout', `It took longer than its ${run.timeoutSeconds} s.`);
  } else {
    const failed = board.definition.steps.filter(
      (step) => step.on_failure !== 'continue' && board.head(step.name).status === 'failed',
    );
    const why = failed.map(({ name }) => `Step "${name}" has failed: ${board.head(name).error ?? ''}`);
    if (failed.length > 0) board.stop('failed', why.join(' '));
  }
}

/** One step that has not begun, or that goes on with its items. */
function progress(board: RunBoard, step: StepSpec): void {
  const head = board.head(step.name);
  if (head.status === 'running' && step.for_each !== null) beginItems(board, step);
  if (isHardStop(board.stopping) && head.status === 'running' && isWait(step)) {
    board.end(head, 'cancelled', { error: 'The run was stopped.' });
  }
  if (head.status !== 'pending') {
    // A wait may take days, and nothing more would follow from it.
    if (
      board.stopping === 'failed' &&
      head.status === 'running' &&
      isWait(step) &&
      !board.isOnFailure(step.name)
    ) {
      board.end(head, 'cancelled', { error: 'The workflow has failed meanwhile.' });
    }
    return;
  }
  if (isHardStop(board.stopping)) return board.end(head, 'skipped', { error: 'The run was stopped.' });
  if (board.isOnFailure(step.name)) return progressOnFailure(board, step, head);
  if (board.stopping === 'failed') {
    return board.end(head, 'skipped', { error: 'The workflow has failed before.' });
  }
  if (needsEnded(board, step)) begin(board, step, head);
}

function progressOnFailure(board: RunBoard, step: StepSpec, head: StepState): void {
  const called = board.definition.steps.some(
    ({ name, on_failure }) =>
      typeof on_failure === 'object' &&
      on_failure.run.includes(step.name) &&
      board.head(name).status === 'failed',
  );
  if (called) {
    if (needsEnded(board, step)) begin(board, step, head);
    return;
  }
  const others = board.definition.steps.filter(({ name }) => !board.isOnFailure(name));
  if (others.every(({ name }) => hasEnded(board.head(name)))) {
    board.end(head, 'skipped', { error: 'No step that it is for has failed.' });
  }
}

function begin(board: RunBoard, step: StepSpec, head: StepState): void {
  if (step.if === null) {
    const missing = step.needs.find((need) => !isGood(board, need));
    if (missing !== undefined) {
      const error = `Step "${missing}", which it needs, was ${board.head(missing).status}.`;
      return board.end(head, 'skipped', { error });
    }
  }
  beginStep(board, step, head);
}

/** A failure that the workflow goes on from counts as an end like any other. */
function isGood(board: RunBoard, name: string): boolean {
  const { status } = board.head(name);
  return status === 'completed' || (status === 'failed' && board.spec(name).on_failure === 'continue');
}

function needsEnded(board: RunBoard, step: StepSpec): boolean {
  return step.needs.every((need) => hasEnded(board.head(need)));
}

function isWait(step: StepSpec): boolean {
  return step.wait_for !== null || step.wait_until !== null;
}

function decideEnd(board: RunBoard): void {
  if (!board.rows().every(hasEnded)) return;
  switch (board.stopping) {
    case null:
      return board.endRun('completed');
    case 'cancelled':
      return board.endRun('cancelled');
    case 'failed':
    case 'timeout':
      return board.endRun('failed');
    default:
      return board.stopping satisfies never;
  }
}
