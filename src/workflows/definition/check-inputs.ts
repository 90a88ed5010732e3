import type { Violation } from '../../common/errors.js';
import type { JsonObject } from '../../common/json.js';
import { validateAs } from '../../http/validation.js';
import type { Definition, InputSpec } from './definition.js';
import { NAME } from './document-limits.js';
import { inputValues, mismatch } from './input-values.js';
import { DEFAULT_SCOPE } from './scopes.js';
import { parseTemplate, templatesIn } from './template.js';
import { InputDto } from './workflow-document.dto.js';

/** The declared inputs: the shape of each, and a default that fits. @param sent as it came, for the shape */
export function checkInputs(definition: Definition, sent: unknown): Violation[] {
  const shapes = typeof sent === 'object' && sent !== null ? (sent as JsonObject) : {};
  return Object.entries(definition.inputs).flatMap(([name, spec]) => {
    const pointer = `/inputs/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    const shape: unknown = shapes[name];
    if (typeof shape !== 'object' || shape === null || Array.isArray(shape)) {
      return [{ pointer, code: 'IS_OBJECT', message: `${name} must be an object` }];
    }
    const checked = validateAs(InputDto, shape, pointer);
    return [...checkName(name, pointer), ...(checked.ok ? checkDefault(spec, pointer) : checked.violations)];
  });
}

function checkName(name: string, pointer: string): Violation[] {
  if (NAME.test(name)) return [];
  const message = 'the name of an input must be 1-63 lower-case letters, digits or "_", a letter first';
  return [{ pointer, code: 'MATCHES', message }];
}

function checkDefault(spec: InputSpec, pointer: string): Violation[] {
  if (spec.default === undefined) return [];
  const at = `${pointer}/default`;
  const templates = templatesIn(spec.default, at);
  if (templates.length > 0) {
    return templates.flatMap(({ pointer: where, text }) => {
      const template = parseTemplate(text, DEFAULT_SCOPE);
      return template.ok ? [] : [{ pointer: where, code: template.code, message: template.message }];
    });
  }
  const wrong = mismatch(spec, spec.default);
  return wrong === null ? [] : [{ pointer: at, code: 'BAD_INPUT', message: wrong }];
}

/** Inputs that are given in advance, by a schedule: those that have a default are checked there. */
export function checkGiven(definition: Definition, given: JsonObject, pointer: string): Violation[] {
  const known = Object.entries(definition.inputs).filter(
    ([name, { default: value }]) => given[name] !== undefined || value === undefined,
  );
  const answer = inputValues({ inputs: Object.fromEntries(known) }, given, {}, pointer);
  return answer.ok ? [] : answer.violations;
}
