import type { Violation } from '../../common/errors.js';
import type { StepSpec } from './definition.js';
import type { Expression } from './expression.js';
import { referencesOf } from './references.js';
import { taskScope } from './scopes.js';
import { isTemplate, parseTemplate } from './template.js';

/**
 * What a stranger wrote, the name of a branch for instance, must never become a part of a shell script: an expression in
 * `payload.script` is quoted with `shell(...)`. A script that is one expression as a whole is a command that the
 * workflow takes as an input; it may read inputs only.
 */
export function checkScript(step: StepSpec, pointer: string): Violation[] {
  const script = (step.task?.['payload'] as Record<string, unknown> | undefined)?.['script'];
  if (!isTemplate(script)) return [];
  const template = parseTemplate(script, taskScope(step));
  if (!template.ok) return [];
  const { parts } = template;
  const whole = parts.length === 1;
  return parts.flatMap((part) => {
    if (typeof part === 'string' || isQuoted(part)) return [];
    const { variables } = referencesOf(part);
    if (whole && [...variables].every((name) => name === 'inputs')) return [];
    const message = whole
      ? 'a script that is an expression as a whole may read inputs only: an event must not say what is run'
      : 'within a script an expression is quoted: write ${{ shell(...) }}, or hand the value over in env';
    return [{ pointer, code: 'UNQUOTED_EXPRESSION', message }];
  });
}

function isQuoted({ ast }: Expression): boolean {
  return ast.op === 'call' && ast.args[0] === 'shell';
}
