import { type ASTNode, Environment, type ParseResult } from '@marcbachmann/cel-js';
import type { JsonValue } from '../../common/json.js';
import { boundedCall } from './bounded-call.js';
import { fromCel, toCel } from './cel-values.js';

/** Names that an expression may use, depending on where it stands. */
export type Variable = 'event' | 'inputs' | 'steps' | 'item' | 'item_index' | 'received' | 'run';

export type Scope = Partial<Record<Variable, JsonValue>>;

export type Compiled = { ok: true; expression: Expression } | { ok: false; message: string };
export type Evaluated = { ok: true; value: JsonValue } | { ok: false; message: string };

export const EXPRESSION_CHARS_MAX = 4_096;
/** An expression takes microseconds; the bound is for one that never ends, and generous for a machine that is busy. */
const EVALUATION_MS_MAX = 1_000;
const LIMITS = { maxAstNodes: 1_000, maxDepth: 50, maxListElements: 200, maxMapEntries: 200 };
const COMPILED_MAX = 2_000;

/** A CEL expression that is known to be well-formed and to use only what there is. */
export class Expression {
  constructor(
    readonly text: string,
    private readonly parsed: ParseResult,
  ) {}

  get ast(): ASTNode {
    return this.parsed.ast;
  }

  /** Pure: the same scope gives the same value. What goes wrong, a key that is not there included, is a message. */
  evaluate(scope: Scope): Evaluated {
    try {
      const values = Object.fromEntries(Object.entries(scope).map(([name, value]) => [name, toCel(value)]));
      const value: unknown = boundedCall((): unknown => this.parsed(values), EVALUATION_MS_MAX);
      return { ok: true, value: fromCel(value) };
    } catch (error) {
      const { code } = error as { code?: string };
      const message =
        code === 'ERR_SCRIPT_EXECUTION_TIMEOUT' ? 'it takes longer than a second' : summary(error);
      return { ok: false, message: `${shown(this.text)}: ${message}` };
    }
  }

  /** As evaluate(), for a condition: anything but true or false is an error. */
  holds(scope: Scope): { ok: true; value: boolean } | { ok: false; message: string } {
    const evaluated = this.evaluate(scope);
    if (!evaluated.ok) return evaluated;
    if (typeof evaluated.value === 'boolean') return { ok: true, value: evaluated.value };
    return { ok: false, message: `${shown(this.text)}: a condition must give true or false` };
  }
}

const compiled = new Map<string, Compiled>();

/** Parses and checks an expression; bounded in size. @param variables the names that it may use */
export function compile(text: string, variables: readonly Variable[]): Compiled {
  const key = `${variables.join()} ${text}`;
  const known = compiled.get(key);
  if (known !== undefined) return known;
  const made = compileAnew(text, variables);
  if (compiled.size >= COMPILED_MAX) compiled.delete(compiled.keys().next().value!);
  compiled.set(key, made);
  return made;
}

function compileAnew(text: string, variables: readonly Variable[]): Compiled {
  if (text.length > EXPRESSION_CHARS_MAX) {
    return { ok: false, message: `an expression has at most ${EXPRESSION_CHARS_MAX} characters` };
  }
  try {
    const parsed = environmentOf(variables).parse(text);
    const checked = parsed.check();
    if (!checked.valid) return { ok: false, message: `${shown(text)}: ${summary(checked.error)}` };
    return { ok: true, expression: new Expression(text, parsed) };
  } catch (error) {
    return { ok: false, message: `${shown(text)}: ${summary(error)}` };
  }
}

const environments = new Map<string, Environment>();

function environmentOf(variables: readonly Variable[]): Environment {
  const key = variables.join();
  const known = environments.get(key);
  if (known !== undefined) return known;
  const environment = new Environment({
    unlistedVariablesAreDyn: false,
    homogeneousAggregateLiterals: false,
    enableOptionalTypes: true,
    limits: LIMITS,
  });
  environment.registerFunction('shell(dyn): string', (value: unknown) => shellQuoted(value));
  environment.registerFunction('json(dyn): string', (value: unknown) => JSON.stringify(fromCel(value)));
  for (const name of variables) environment.registerVariable(name, isMap(name) ? 'map' : 'dyn');
  // JSON does not tell 2 from 2.0, so a product with a whole number must not depend on how that was written.
  for (const [operator, apply] of Object.entries(ARITHMETIC)) {
    const mixed = (a: number | bigint, b: number | bigint): number => apply(Number(a), Number(b));
    environment.registerOperator(`int ${operator} double`, mixed);
    environment.registerOperator(`double ${operator} int`, mixed);
  }
  environments.set(key, environment);
  return environment;
}

const ARITHMETIC: Record<string, (a: number, b: number) => number> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
};

function isMap(name: Variable): boolean {
  return name !== 'item' && name !== 'item_index';
}

/** One word for a POSIX shell, whatever it holds. */
function shellQuoted(value: unknown): string {
  const plain = fromCel(value);
  const text = typeof plain === 'string' ? plain : JSON.stringify(plain);
  return `'${text.replaceAll('\0', '').replaceAll(`'`, `'\\''`)}'`;
}

function summary(error: unknown): string {
  const { summary: short, message } = error as { summary?: string; message: string };
  return short ?? message;
}

function shown(text: string): string {
  return `"${text.length > 80 ? `${text.slice(0, 79)}…` : text}"`;
}
