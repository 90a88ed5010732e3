import { plainToInstance } from 'class-transformer';
import { validateSync, type ValidationError } from 'class-validator';
import { parseDocument } from 'yaml';
import { PolicyDocument } from './policy-document.js';

/** A policy, or every problem of the text: each names its place (`grants[0].types: ...`, or line and column). */
export type PolicyReading = { policy: PolicyDocument } | { problems: string[] };

/** Reads the YAML form of a policy. Unknown keys are refused: a misspelt limit must not silently not hold. */
export function readPolicy(yaml: string): PolicyReading {
  const parsed = parseDocument(yaml);
  // A warning is an unknown tag or directive: something that its author meant and nobody would honour.
  const syntax = [...parsed.errors, ...parsed.warnings];
  if (syntax.length > 0) return { problems: syntax.map(({ message }) => firstLine(message)) };

  let plain: unknown;
  try {
    plain = parsed.toJS();
  } catch (error) {
    return { problems: [firstLine((error as Error).message)] };
  }
  if (plain === null || typeof plain !== 'object' || Array.isArray(plain)) {
    return { problems: ['the file must hold one mapping, starting with "version: 1"'] };
  }
  const policy = plainToInstance(PolicyDocument, plain);
  const problems = [...listProblems(validateSync(policy, { whitelist: true, forbidNonWhitelisted: true }))];
  if (problems.length === 0 && policy.timeout_seconds.min > policy.timeout_seconds.max) {
    problems.push('timeout_seconds: min must not be greater than max');
  }
  return problems.length > 0 ? { problems } : { policy };
}

function* listProblems(errors: readonly ValidationError[], parent = ''): Generator<string> {
  for (const { property, constraints, children } of errors) {
    const path = /^\d+$/.test(property)
      ? `${parent}[${property}]`
      : parent
        ? `${parent}.${property}`
        : property;
    for (const [constraint, message] of Object.entries(constraints ?? {})) {
      yield `${path}: ${constraint === 'whitelistValidation' ? 'is not a key of a policy' : message}`;
    }
    yield* listProblems(children ?? [], path);
  }
}

/** yaml's messages go on with a drawing of the place; the first line already names line and column. */
function firstLine(message: string): string {
  return message.split('\n', 1)[0].replace(/:$/, '');
}
