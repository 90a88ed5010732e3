import type { ASTNode } from '@marcbachmann/cel-js';
import type { Expression, Variable } from './expression.js';

/** What an expression reads: names of steps, names of inputs, and which variables at all. */
export interface References {
  steps: Set<string>;
  inputs: Set<string>;
  variables: Set<string>;
  /** It uses `steps` in a way that does not name one, e.g. `steps[inputs.which]`. */
  anyStep: boolean;
}

/** Found in the syntax tree, so that what is needed is known before anything runs. */
export function referencesOf(expression: Expression): References {
  const found: References = { steps: new Set(), inputs: new Set(), variables: new Set(), anyStep: false };
  walk(expression.ast, found);
  return found;
}

function walk(node: ASTNode, found: References): void {
  const named = namedMember(node);
  if (named !== null) {
    found.variables.add(named.of);
    if (named.of === 'steps') found.steps.add(named.member);
    if (named.of === 'inputs') found.inputs.add(named.member);
    return;
  }
  if (node.op === 'id') {
    found.variables.add(node.args);
    if (node.args === 'steps') found.anyStep = true;
  }
  for (const child of childrenOf(node.args)) walk(child, found);
}

/** `steps.build`, `steps.?build`, `steps["build"]`, and the same of inputs. */
function namedMember(node: ASTNode): { of: Variable; member: string } | null {
  if (!['.', '.?', '[]', '[?]'].includes(node.op)) return null;
  const [base, key] = node.args as [ASTNode, string | ASTNode];
  if (base.op !== 'id' || (base.args !== 'steps' && base.args !== 'inputs')) return null;
  const member = typeof key === 'string' ? key : key.op === 'value' ? key.args : null;
  return typeof member === 'string' ? { of: base.args, member } : null;
}

function childrenOf(args: unknown): ASTNode[] {
  if (Array.isArray(args)) return args.flatMap(childrenOf);
  return typeof args === 'object' && args !== null && 'op' in args ? [args as ASTNode] : [];
}
