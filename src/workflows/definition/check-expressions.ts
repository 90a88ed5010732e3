import type { Violation } from '../../common/errors.js';
import type { JsonValue } from '../../common/json.js';
import type { Definition, StepSpec } from './definition.js';
import { compile, type Expression, type Variable } from './expression.js';
import { visibleSteps } from './graph.js';
import { referencesOf } from './references.js';
import { checkScript } from './check-script.js';
import { KEY_SCOPE, RECEIVED_SCOPE, STEP_SCOPE, TRIGGER_SCOPE, taskScope } from './scopes.js';
import { parseTemplate, templatesIn } from './template.js';

/** What an expression may speak of beyond the variables of its scope. */
interface Names {
  inputs: ReadonlySet<string>;
  /** null where it stands in no step. */
  step: { name: string; visible: ReadonlySet<string>; all: ReadonlySet<string> } | null;
}

/** Every expression and template of a definition: well-formed, and about things that there are by then. */
export function checkExpressions(definition: Definition): Violation[] {
  const inputs = new Set(Object.keys(definition.inputs));
  const outside: Names = { inputs, step: null };
  const visible = visibleSteps(definition.steps);
  const all = new Set(definition.steps.map(({ name }) => name));
  return [
    ...checkText(definition.trigger_conditions, '/trigger_conditions', TRIGGER_SCOPE, outside),
    ...checkTemplates(definition.concurrency_key, '/concurrency_key', KEY_SCOPE, outside),
    ...definition.steps.flatMap((step, index) =>
      checkStep(step, `/steps/${index}`, {
        inputs,
        step: { name: step.name, visible: visible.get(step.name) ?? new Set(), all },
      }),
    ),
  ];
}

function checkStep(step: StepSpec, pointer: string, names: Names): Violation[] {
  return [
    ...checkText(step.if, `${pointer}/if`, STEP_SCOPE, names),
    ...checkText(step.for_each, `${pointer}/for_each`, STEP_SCOPE, names),
    ...checkTemplates(step.task, `${pointer}/task`, taskScope(step), names),
    ...checkScript(step, `${pointer}/task/payload/script`),
    ...checkText(step.wait_for?.if ?? null, `${pointer}/wait_for/if`, RECEIVED_SCOPE, names),
    ...checkTemplates(step.wait_until?.time ?? null, `${pointer}/wait_until/time`, STEP_SCOPE, names),
    ...checkTemplates(step.workflow?.inputs ?? null, `${pointer}/workflow/inputs`, STEP_SCOPE, names),
  ];
}

function checkText(
  text: string | null,
  pointer: string,
  scope: readonly Variable[],
  names: Names,
): Violation[] {
  if (text === null) return [];
  if (text.includes('${{')) {
    const message = 'this is an expression as it stands; leave out the "${{" and "}}"';
    return [{ pointer, code: 'BAD_EXPRESSION', message }];
  }
  const made = compile(text, scope);
  if (!made.ok) return [{ pointer, code: 'BAD_EXPRESSION', message: made.message }];
  return checkNames(made.expression, pointer, names);
}

function checkTemplates(
  value: JsonValue,
  pointer: string,
  scope: readonly Variable[],
  names: Names,
): Violation[] {
  return templatesIn(value, pointer).flatMap(({ pointer: at, text }) => {
    const template = parseTemplate(text, scope);
    if (!template.ok) return [{ pointer: at, code: template.code, message: template.message }];
    return template.parts.flatMap((part) => (typeof part === 'string' ? [] : checkNames(part, at, names)));
  });
}

function checkNames(expression: Expression, pointer: string, { inputs, step }: Names): Violation[] {
  const used = referencesOf(expression);
  const unknown = [...used.inputs]
    .filter((name) => !inputs.has(name))
    .map((name) => ({ pointer, code: 'UNKNOWN_INPUT', message: `there is no input "${name}"` }));
  if (step === null) return unknown;
  const missing = [...used.steps]
    .filter((name) => !step.visible.has(name))
    .map((name) =>
      step.all.has(name)
        ? {
            pointer,
            code: 'MISSING_NEED',
            message: `it reads steps.${name}, but "${step.name}" does not wait for that: add "${name}" to its needs`,
          }
        : { pointer, code: 'UNKNOWN_STEP', message: `there is no step "${name}"` },
    );
  const dynamic = used.anyStep
    ? [{ pointer, code: 'BAD_EXPRESSION', message: '`steps` must be followed by the name of a step' }]
    : [];
  return [...unknown, ...missing, ...dynamic];
}
