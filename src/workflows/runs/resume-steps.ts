import type { JsonValue } from '../../common/json.js';
import { type Definition, failureSteps } from '../definition/definition.js';
import { withDescendants } from '../definition/graph.js';
import { isHead, newStep, type StepState } from './run-state.js';

export interface Resumption {
  /** Rows that begin anew. */
  rows: StepState[];
  /** Steps whose list of items is made anew as well: their items are forgotten. */
  forgetItemsOf: string[];
}

/**
 * What changes when a run is taken up again: what did not complete begins anew, and so does all that comes after it, or
 * after `fromStep`. A step that is done for each item keeps the items that completed, unless what it depends on runs
 * again. What has begun before gets a new attempt, so that nothing of the old one is taken for the new.
 */
export function stepsToResume(
  { steps }: Definition,
  rows: readonly StepState[],
  fromStep: string | null,
): Resumption {
  const heads = rows.filter(isHead);
  const open = heads.filter(({ status }) => status !== 'completed').map(({ name }) => name);
  const again = withDescendants(fromStep === null ? open : [...open, fromStep], steps);
  const whole = new Set([
    ...(fromStep === null ? [] : [fromStep]),
    ...steps.filter(({ needs }) => needs.some((need) => again.has(need))).map(({ name }) => name),
    // They are for the failure that comes, not for the one that was.
    ...failureSteps(steps),
  ]);
  for (const name of whole) again.add(name);
  const chosen = heads.filter(({ name }) => again.has(name));
  return {
    rows: chosen.flatMap((head) => begunAnew(head, whole.has(head.name) ? [] : itemsOf(head.name, rows))),
    forgetItemsOf: chosen.map(({ name }) => name).filter((name) => whole.has(name)),
  };
}

function begunAnew(head: StepState, items: readonly StepState[]): StepState[] {
  const attempt = nextAttempt(head);
  if (items.length === 0) return [newStep(head.name, head.item, { attempt })];
  return [
    newStep(head.name, head.item, { attempt, status: 'running', startedAt: head.startedAt }),
    ...items
      .filter(({ status }) => status !== 'completed')
      .map((row) =>
        newStep(row.name, row.item, {
          attempt: nextAttempt(row),
          request: { item: (row.request?.['item'] ?? null) as JsonValue },
        }),
      ),
  ];
}

function nextAttempt({ attempt, startedAt }: StepState): number {
  return startedAt === null ? attempt : attempt + 1;
}

function itemsOf(name: string, rows: readonly StepState[]): StepState[] {
  return rows.filter((row) => row.name === name && !isHead(row));
}
