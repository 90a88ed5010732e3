import type { Violation } from '../../common/errors.js';
import { type Definition, failureSteps, STEP_KINDS, type StepSpec } from './definition.js';
import { cyclesOf } from './graph.js';
import { isEventPattern } from '../../events/event-pattern.js';
import { TASK_SECONDS_MAX } from './document-limits.js';

/** What is wrong with the steps and with how they hang together, every finding with its pointer. */
export function checkSteps({ steps }: Definition): Violation[] {
  const onFailure = failureSteps(steps);
  return [
    ...duplicates(steps),
    ...steps.flatMap((step, index) => [
      ...checkNeeds(step, index, steps, onFailure),
      ...checkOnFailure(step, index, steps, onFailure),
      ...checkKind(step, index),
      ...checkLimits(step, index),
    ]),
    ...cycles(steps),
  ];
}

function duplicates(steps: readonly StepSpec[]): Violation[] {
  return steps.flatMap(({ name }, index) => {
    const first = steps.findIndex((other) => other.name === name);
    if (first === index || name === '') return [];
    const message = `step "${name}" is there twice, first as /steps/${first}`;
    return [{ pointer: `/steps/${index}/name`, code: 'DUPLICATE_STEP', message }];
  });
}

function checkNeeds(
  { name, needs }: StepSpec,
  index: number,
  steps: readonly StepSpec[],
  onFailure: ReadonlySet<string>,
): Violation[] {
  return needs.flatMap((need, at): Violation[] => {
    const pointer = `/steps/${index}/needs/${at}`;
    if (need === name) {
      return [{ pointer, code: 'SELF_DEPENDENCY', message: `step "${name}" cannot need itself` }];
    }
    if (!steps.some((other) => other.name === need)) {
      return [{ pointer, code: 'UNKNOWN_STEP', message: `there is no step "${need}"` }];
    }
    if (onFailure.has(need) === onFailure.has(name)) return [];
    const message = onFailure.has(need)
      ? `step "${need}" runs on failure only, so only such steps can need it`
      : `step "${name}" runs on failure only, so it can need such steps only`;
    return [{ pointer, code: 'FAILURE_STEP', message }];
  });
}

function checkOnFailure(
  { name, on_failure }: StepSpec,
  index: number,
  steps: readonly StepSpec[],
  onFailure: ReadonlySet<string>,
): Violation[] {
  if (typeof on_failure === 'string') return [];
  const pointer = `/steps/${index}/on_failure`;
  if (onFailure.has(name)) {
    const message = `step "${name}" runs on failure only; its own on_failure must be "stop" or "continue"`;
    return [{ pointer, code: 'FAILURE_STEP', message }];
  }
  return on_failure.run.flatMap((each, at) =>
    steps.some((other) => other.name === each)
      ? []
      : [{ pointer: `${pointer}/run/${at}`, code: 'UNKNOWN_STEP', message: `there is no step "${each}"` }],
  );
}

function checkKind(step: StepSpec, index: number): Violation[] {
  const pointer = `/steps/${index}`;
  const found: Violation[] = [];
  const kinds = STEP_KINDS.filter((kind) => step[kind] !== null);
  if (kinds.length !== 1) {
    const message = `a step does exactly one of ${STEP_KINDS.join(', ')}; this one has ${kinds.join(' and ') || 'none'}`;
    found.push({ pointer, code: 'STEP_KIND', message });
  }
  if (step.wait_for !== null && !isEventPattern(step.wait_for.event)) {
    found.push(badPattern(`${pointer}/wait_for/event`));
  }
  if (step.wait_until !== null && (step.wait_until.seconds === null) === (step.wait_until.time === null)) {
    const message = 'wait_until has exactly one of seconds and time';
    found.push({ pointer: `${pointer}/wait_until`, code: 'STEP_KIND', message });
  }
  return found;
}

/** An option that this kind of step would not honour is refused, never ignored. */
function checkLimits(step: StepSpec, index: number): Violation[] {
  const refused = (field: string, only: string): Violation => ({
    pointer: `/steps/${index}/${field}`,
    code: 'NOT_FOR_THIS_STEP',
    message: `${field} is for ${only}`,
  });
  const found: Violation[] = [];
  if (step.task === null) {
    if (step.retries > 0) found.push(refused('retries', 'steps with a task'));
    if (step.for_each !== null) found.push(refused('for_each', 'steps with a task'));
  }
  if (step.max_parallel !== null && step.for_each === null) {
    found.push(refused('max_parallel', 'steps with for_each'));
  }
  if (step.wait_until !== null && step.timeout_seconds !== null) {
    found.push(refused('timeout_seconds', 'steps that can take too long; this one ends at its time'));
  }
  const options = step.task?.['options'] as Record<string, unknown> | undefined;
  for (const field of ['retries', 'timeout_seconds'] as const) {
    if (options?.[field] === undefined) continue;
    const own = field === 'retries' ? step.retries > 0 : step.timeout_seconds !== null;
    if (own) found.push(refused(`task/options/${field}`, `tasks whose step does not say ${field} itself`));
  }
  if (step.task !== null && (step.timeout_seconds ?? 0) > TASK_SECONDS_MAX) {
    const message = `timeout_seconds of a task must not be greater than ${TASK_SECONDS_MAX}`;
    found.push({ pointer: `/steps/${index}/timeout_seconds`, code: 'MAX', message });
  }
  return found;
}

function cycles(steps: readonly StepSpec[]): Violation[] {
  return cyclesOf(steps).map((cycle) => {
    const index = steps.findIndex(({ name }) => name === cycle[0]);
    const message = `the steps wait for each other: ${cycle.join(' needs ')}`;
    return { pointer: `/steps/${index}/needs`, code: 'CYCLE', message };
  });
}

export function badPattern(pointer: string): Violation {
  const message =
    'a pattern is a type of event (`deployment.completed`), the beginning of some (`deployment.*`), or `*`';
  return { pointer, code: 'BAD_PATTERN', message };
}
