import type { JsonObject, JsonValue } from '../../common/json.js';
import { compile, type Evaluated, type Expression, type Scope, type Variable } from './expression.js';

export type TemplatePart = string | Expression;
export type ParsedTemplate =
  | { ok: true; parts: TemplatePart[] }
  | { ok: false; code: 'BAD_TEMPLATE' | 'BAD_EXPRESSION'; message: string };

/** A template, and where it stands: a pointer below the value that was looked through. */
export interface FoundTemplate {
  pointer: string;
  text: string;
}

/** Splits `build of ${{ event.data.ref }}` into text and expressions. Quoted braces in an expression do not end it. */
export function parseTemplate(text: string, variables: readonly Variable[]): ParsedTemplate {
  const parts: TemplatePart[] = [];
  let rest = text;
  for (;;) {
    const begin = rest.indexOf('${{');
    if (begin < 0) break;
    const end = endOfExpression(rest, begin + 3);
    if (end < 0) return { ok: false, code: 'BAD_TEMPLATE', message: 'a "${{" has no "}}" that ends it' };
    const inner = rest.slice(begin + 3, end).trim();
    if (inner === '') return { ok: false, code: 'BAD_TEMPLATE', message: 'a "${{ }}" has nothing in it' };
    const made = compile(inner, variables);
    if (!made.ok) return { ok: false, code: 'BAD_EXPRESSION', message: made.message };
    if (begin > 0) parts.push(rest.slice(0, begin));
    parts.push(made.expression);
    rest = rest.slice(end + 2);
  }
  if (rest !== '' || parts.length === 0) parts.push(rest);
  return { ok: true, parts };
}

function endOfExpression(text: string, from: number): number {
  let quote: string | null = null;
  let depth = 0;
  for (let at = from; at < text.length; at += 1) {
    const letter = text[at];
    if (quote !== null) {
      if (letter === '\\') at += 1;
      else if (letter === quote) quote = null;
    } else if (letter === '"' || letter === `'`) quote = letter;
    else if (letter === '{') depth += 1;
    else if (letter === '}' && depth > 0) depth -= 1;
    else if (letter === '}' && text[at + 1] === '}') return at;
  }
  return -1;
}

export function isTemplate(value: unknown): value is string {
  return typeof value === 'string' && value.includes('${{');
}

/** Every template inside a value, keys of objects left alone. */
export function templatesIn(value: JsonValue | undefined, pointer = ''): FoundTemplate[] {
  if (isTemplate(value)) return [{ pointer, text: value }];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, member]) =>
    templatesIn(member, `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`),
  );
}

/**
 * The value with every template replaced. A string that is one expression and nothing else becomes the value of that,
 * of whatever type; within other text, a value stands as text, or as JSON where it is none.
 */
export function render(value: JsonValue, variables: readonly Variable[], scope: Scope): Evaluated {
  try {
    return { ok: true, value: rendered(value, variables, scope) };
  } catch (error) {
    if (error instanceof Failed) return { ok: false, message: error.message };
    throw error;
  }
}

/** As render(), for an object. */
export function renderObject(
  value: JsonObject,
  variables: readonly Variable[],
  scope: Scope,
): { ok: true; value: JsonObject } | { ok: false; message: string } {
  return render(value, variables, scope) as { ok: true; value: JsonObject } | { ok: false; message: string };
}

class Failed extends Error {}

function rendered(value: JsonValue, variables: readonly Variable[], scope: Scope): JsonValue {
  if (isTemplate(value)) return renderedText(value, variables, scope);
  if (Array.isArray(value)) return value.map((member) => rendered(member, variables, scope));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, rendered(member, variables, scope)]),
  );
}

function renderedText(text: string, variables: readonly Variable[], scope: Scope): JsonValue {
  const template = parseTemplate(text, variables);
  if (!template.ok) throw new Failed(template.message);
  const values = template.parts.map((part) => {
    if (typeof part === 'string') return part;
    const evaluated = part.evaluate(scope);
    if (!evaluated.ok) throw new Failed(evaluated.message);
    return evaluated.value;
  });
  if (values.length === 1) return values[0];
  return values.map((each) => (typeof each === 'string' ? each : JSON.stringify(each))).join('');
}
