import type { PolicyDocument } from './policy-document.js';
import type { PolicyInput } from './policy-input.js';
import type { PolicyRule } from './policy-rule.js';
import type { RuleResult, Verdict } from './verdict.js';

/**
 * Asks every rule, so that a caller learns all that is wrong at once. Allows only when each rule said so.
 *
 * @param version of the policy, see `policyVersion`
 */
export function evaluate(
  input: PolicyInput,
  policy: PolicyDocument,
  version: string,
  rules: readonly PolicyRule[],
): Verdict {
  const results = rules.map((rule) => see(rule, input, policy));
  const allowed = results.every(({ outcome }) => outcome === 'passed' || outcome === 'not_applicable');
  return { decision: allowed ? 'allow' : 'deny', version, rules: results };
}

/** A rule that throws has not said yes: its failure is a violation under a code of its own. */
function see(rule: PolicyRule, input: PolicyInput, policy: PolicyDocument): RuleResult {
  try {
    const { outcome, message, field, value, allowed } = rule.check(input, policy);
    return { rule: rule.name, code: rule.code, outcome, message, field, value, allowed };
  } catch (error) {
    const why = (error instanceof Error ? error.message : String(error)).slice(0, 200);
    return {
      rule: rule.name,
      code: 'RULE_FAILED',
      outcome: 'violated',
      message: `The rule ${rule.name} broke and therefore denies: ${why}. Report this to whoever runs the tower.`,
      field: '',
      value: null,
      allowed: null,
    };
  }
}
