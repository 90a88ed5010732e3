import type { StepSpec } from './definition.js';
import type { Variable } from './expression.js';

/** Which names an expression may use, by where it stands. */
export const TRIGGER_SCOPE: readonly Variable[] = ['event'];
export const DEFAULT_SCOPE: readonly Variable[] = ['event'];
export const KEY_SCOPE: readonly Variable[] = ['event', 'inputs'];
export const STEP_SCOPE: readonly Variable[] = ['event', 'inputs', 'steps', 'run'];
export const ITEM_SCOPE: readonly Variable[] = [...STEP_SCOPE, 'item', 'item_index'];
export const RECEIVED_SCOPE: readonly Variable[] = [...STEP_SCOPE, 'received'];

/** Of the task of a step. */
export function taskScope({ for_each }: StepSpec): readonly Variable[] {
  return for_each === null ? STEP_SCOPE : ITEM_SCOPE;
}
