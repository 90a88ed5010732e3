import type { JsonObject, JsonValue } from '../../common/json.js';
import type { StepSpec } from '../definition/definition.js';
import { compile, type Scope } from '../definition/expression.js';
import { STEP_SCOPE, taskScope } from '../definition/scopes.js';
import { render, renderObject } from '../definition/template.js';
import type { RunBoard } from './run-board.js';
import { hasEnded, isHardStop, type StepState } from './run-state.js';

export const ITEMS_MAX = 200;

/**
 * Begins a step whose needs have ended: asks its condition, and renders what it hands over, once. The rendered form is
 * stored before anything happens with it, so that it is the same after a crash.
 */
export function beginStep(board: RunBoard, step: StepSpec, head: StepState): void {
  const condition = conditionOf(board, step);
  if (!condition.ok) return board.end(head, 'failed', { error: condition.message });
  if (!condition.value) return board.end(head, 'skipped', { error: 'Its condition is false.' });
  if (step.for_each !== null) return fanOut(board, step, head);
  if (step.task !== null) return handOverTask(board, step, head, board.scope(), {});
  if (step.workflow !== null) return handOverWorkflow(board, step.workflow, head);
  if (step.wait_for !== null) return waitForEvent(board, step, step.wait_for.event, head);
  waitForTime(board, step, head);
}

function conditionOf(
  board: RunBoard,
  step: StepSpec,
): { ok: true; value: boolean } | { ok: false; message: string } {
  if (step.if === null) return { ok: true, value: true };
  const made = compile(step.if, STEP_SCOPE);
  return made.ok ? made.expression.holds(board.scope()) : made;
}

function fanOut(board: RunBoard, step: StepSpec, head: StepState): void {
  const made = compile(step.for_each!, STEP_SCOPE);
  const evaluated = made.ok ? made.expression.evaluate(board.scope()) : made;
  if (!evaluated.ok) return board.end(head, 'failed', { error: evaluated.message });
  const list = evaluated.value;
  if (!Array.isArray(list)) return board.end(head, 'failed', { error: 'for_each did not give a list.' });
  if (list.length > ITEMS_MAX) {
    const error = `for_each gave ${list.length} items; at most ${ITEMS_MAX} are allowed.`;
    return board.end(head, 'failed', { error });
  }
  board.change(head, { status: 'running' });
  for (const [index, item] of list.entries()) board.addItem(step.name, index, { item });
  beginItems(board, step);
}

/** Begins as many items as may be there at once; none any more when the run is being stopped. */
export function beginItems(board: RunBoard, step: StepSpec): void {
  const items = board.items(step.name);
  const waiting = items.filter(({ status }) => status === 'pending');
  if (isHardStop(board.stopping) || (board.stopping === 'failed' && !board.isOnFailure(step.name))) {
    for (const row of waiting) board.end(row, 'skipped', { error: 'The run was stopped.' });
    return;
  }
  const active = items.filter((row) => row.status !== 'pending' && !hasEnded(row)).length;
  const free = (step.max_parallel ?? ITEMS_MAX) - active;
  for (const row of waiting.slice(0, Math.max(0, free))) {
    const item = row.request!['item'] as JsonValue;
    handOverTask(board, step, row, board.scope({ item, item_index: row.item }), { item });
  }
}

function handOverTask(
  board: RunBoard,
  step: StepSpec,
  row: StepState,
  scope: Scope,
  request: JsonObject,
): void {
  const rendered = renderObject(step.task!, taskScope(step), scope);
  if (!rendered.ok) return board.end(row, 'failed', { error: rendered.message });
  const task = withLimits(rendered.value, step);
  board.change(row, { status: 'starting', request: { ...request, task } });
}

function withLimits(task: JsonObject, { retries, timeout_seconds }: StepSpec): JsonObject {
  const limits = {
    ...(retries > 0 ? { retries } : {}),
    ...(timeout_seconds === null ? {} : { timeout_seconds }),
  };
  if (Object.keys(limits).length === 0) return task;
  return { ...task, options: { ...(task['options'] as JsonObject | undefined), ...limits } };
}

function handOverWorkflow(
  board: RunBoard,
  { name, inputs }: NonNullable<StepSpec['workflow']>,
  head: StepState,
): void {
  const rendered = renderObject(inputs, STEP_SCOPE, board.scope());
  if (!rendered.ok) return board.end(head, 'failed', { error: rendered.message });
  board.change(head, { status: 'starting', request: { workflow: name, inputs: rendered.value } });
}

function waitForEvent(
  board: RunBoard,
  { timeout_seconds, wait_for }: StepSpec,
  pattern: string,
  head: StepState,
): void {
  board.change(head, {
    status: 'running',
    waitSeenAt: wait_for!.since === 'run' ? board.run.startedAt : board.observed.now,
    waitPattern: pattern.endsWith('*') ? `${pattern.slice(0, -1)}%` : pattern,
    wakeAt: timeout_seconds === null ? null : later(board.observed.now, timeout_seconds),
  });
}

function waitForTime(board: RunBoard, { wait_until }: StepSpec, head: StepState): void {
  const { seconds, time } = wait_until!;
  if (seconds !== null) {
    return board.change(head, { status: 'running', wakeAt: later(board.observed.now, seconds) });
  }
  const rendered = render(time, STEP_SCOPE, board.scope());
  if (!rendered.ok) return board.end(head, 'failed', { error: rendered.message });
  const wakeAt = typeof rendered.value === 'string' ? new Date(rendered.value) : new Date(Number.NaN);
  const ms = wakeAt.getTime();
  if (Number.isNaN(ms) || ms < 0 || ms > Date.UTC(2200, 0)) {
    const error = `wait_until gave ${JSON.stringify(rendered.value)}, which is no RFC 3339 time before 2200.`;
    return board.end(head, 'failed', { error });
  }
  board.change(head, { status: 'running', wakeAt });
}

function later(now: Date, seconds: number): Date {
  return new Date(now.getTime() + seconds * 1_000);
}
