import { isAny, matchesAny, matchesRepository } from './globs.js';
import type { Grant, PolicyDocument } from './policy-document.js';
import type { PolicyInput } from './policy-input.js';

/** Whether a grant of the policy gives the privilege to this request. */
export function isGranted(
  privilege: 'network' | 'sandbox_none',
  input: PolicyInput,
  policy: PolicyDocument,
): boolean {
  return policy.grants.some((grant) => grant[privilege] && covers(grant, input));
}

function covers(grant: Grant, { type, target }: PolicyInput): boolean {
  return (
    matchesAny(grant.types, type) &&
    coversOptional(grant.repositories, target?.repository, matchesRepository) &&
    coversOptional(grant.environments, target?.environment, matchesAny)
  );
}

/** What the request leaves out is covered only by a list that stands for anything. */
function coversOptional(
  globs: readonly string[],
  value: string | null | undefined,
  matches: typeof matchesAny,
): boolean {
  return value == null ? globs.some(isAny) : matches(globs, value);
}
