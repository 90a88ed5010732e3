import type { Violation } from '../../common/errors.js';
import type { JsonObject, JsonValue } from '../../common/json.js';
import type { Definition, InputSpec, InputType } from './definition.js';
import { DEFAULT_SCOPE } from './scopes.js';
import { render } from './template.js';

export type InputsAnswer = { ok: true; inputs: JsonObject } | { ok: false; violations: Violation[] };

/** The inputs of a run: what was given, else the default, each of its type. Everything that is wrong is listed. */
export function inputValues(
  { inputs: specs }: Pick<Definition, 'inputs'>,
  given: JsonObject,
  event: JsonObject,
  pointer = '/inputs',
): InputsAnswer {
  const violations: Violation[] = Object.keys(given)
    .filter((name) => specs[name] === undefined)
    .map((name) => ({
      pointer: `${pointer}/${name}`,
      code: 'UNKNOWN_INPUT',
      message: `there is no input "${name}"; there are ${Object.keys(specs).join(', ') || 'none'}`,
    }));
  const inputs: JsonObject = {};
  for (const [name, spec] of Object.entries(specs)) {
    const value = valueOf(spec, given[name] as JsonValue | undefined, event);
    if (value.ok) inputs[name] = value.value;
    else violations.push({ pointer: `${pointer}/${name}`, code: value.code, message: value.message });
  }
  return violations.length === 0 ? { ok: true, inputs } : { ok: false, violations };
}

type ValueAnswer = { ok: true; value: JsonValue } | { ok: false; code: string; message: string };

function valueOf(spec: InputSpec, given: JsonValue | undefined, event: JsonObject): ValueAnswer {
  let value = given ?? spec.default ?? null;
  if (given == null && spec.default !== undefined) {
    const made = render(spec.default, DEFAULT_SCOPE, { event });
    if (!made.ok)
      return { ok: false, code: 'REQUIRED', message: `it is not given, and has no default: ${made.message}` };
    ({ value } = made);
  }
  if (value === null) {
    return spec.required ? { ok: false, code: 'REQUIRED', message: 'it is required' } : { ok: true, value };
  }
  const wrong = mismatch(spec, value);
  return wrong === null ? { ok: true, value } : { ok: false, code: 'BAD_INPUT', message: wrong };
}

/** Why a value is none of this input; null when it is. */
export function mismatch({ type, enum: allowed }: InputSpec, value: JsonValue): string | null {
  if (!isOfType(type, value)) return `it must be of the type ${type}`;
  if (allowed === undefined || allowed.some((each) => JSON.stringify(each) === JSON.stringify(value)))
    return null;
  return `it must be one of ${allowed.map((each) => JSON.stringify(each)).join(', ')}`;
}

function isOfType(type: InputType, value: JsonValue): boolean {
  switch (type) {
    case 'string':
    case 'boolean':
    case 'number':
      return typeof value === type;
    case 'integer':
      return Number.isSafeInteger(value);
    case 'array':
      return Array.isArray(value);
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value);
    default:
      return type satisfies never;
  }
}
