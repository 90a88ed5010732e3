import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { Violation } from '../../common/errors.js';
import type { JsonObject } from '../../common/json.js';
import { isEventPattern } from '../../events/event-pattern.js';
import { validateAs } from '../../http/validation.js';
import { checkExpressions } from './check-expressions.js';
import { checkInputs } from './check-inputs.js';
import { checkSchedules } from './check-schedules.js';
import { badPattern, checkSteps } from './check-steps.js';
import { checkTask, type TaskCheck } from './check-task.js';
import type { Definition } from './definition.js';
import { normalForm } from './normal-form.js';
import { WorkflowDocumentDto } from './workflow-document.dto.js';

/** `violations` is empty exactly when the definition can be run. */
export interface CheckedDefinition {
  definition: Definition;
  violations: Violation[];
}

/**
 * Everything that can be known to be wrong with a definition before it runs, all at once. Pure but for `intake`, which
 * knows the task types of this installation.
 */
export function checkDefinition(sent: JsonObject, intake: TaskCheck): CheckedDefinition {
  const shape = validateAs(WorkflowDocumentDto, sent);
  const definition = normalForm(sent);
  const found = [
    ...(shape.ok ? [] : shape.violations),
    ...onFailureShapes(sent),
    ...definition.trigger_events.flatMap((pattern, index) =>
      isEventPattern(pattern) ? [] : [badPattern(`/trigger_events/${index}`)],
    ),
    ...checkInputs(definition, sent['inputs']),
    ...checkSteps(definition),
    ...definition.steps.flatMap((step, index) =>
      step.task === null ? [] : checkTask(step.task, `/steps/${index}/task`, intake),
    ),
    ...checkExpressions(definition),
    ...checkSchedules(definition),
  ];
  return { definition, violations: distinct(found) };
}

/** SHA-256 (hex) of the normal form: equal for documents that mean the same. */
export function definitionHash(definition: Definition): string {
  return createHash('sha256').update(canonicalize(definition)!).digest('hex');
}

/** `approval` is not a kind of step here, and saying so is better than "unknown field". */
function onFailureShapes(sent: JsonObject): Violation[] {
  const steps: unknown = sent['steps'];
  if (!Array.isArray(steps)) return [];
  return (steps as (JsonObject | null)[]).flatMap((step, index): Violation[] => {
    const found: Violation[] = [];
    const onFailure: unknown = step?.['on_failure'];
    if (onFailure !== undefined && !isOnFailure(onFailure)) {
      const message = 'on_failure must be "stop", "continue" or {"run": [names of steps]}';
      found.push({ pointer: `/steps/${index}/on_failure`, code: 'IS_IN', message });
    }
    if (step?.['approval'] !== undefined) {
      const message = 'this version has no approvals: a step cannot wait for one';
      found.push({ pointer: `/steps/${index}/approval`, code: 'APPROVAL_UNSUPPORTED', message });
    }
    return found;
  });
}

function isOnFailure(value: unknown): boolean {
  if (value === 'stop' || value === 'continue') return true;
  if (typeof value !== 'object' || value === null || Object.keys(value).join() !== 'run') return false;
  const { run } = value as { run: unknown };
  return Array.isArray(run) && run.length > 0 && run.every((name) => typeof name === 'string');
}

function distinct(found: readonly Violation[]): Violation[] {
  const seen = new Set<string>();
  return found.filter(({ pointer, code, message }) => {
    const key = JSON.stringify([pointer, code, message]);
    return !seen.has(key) && seen.add(key);
  });
}
