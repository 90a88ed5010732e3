import type { RuleCheck } from './policy-rule.js';

/** One rule as it was seen by the gate. `code` is the rule's own, or RULE_FAILED when the rule itself broke. */
export interface RuleResult extends RuleCheck {
  rule: string;
  code: string;
}

/** What policy says of one request. Stored with the task and shown by `explain`; plain JSON. */
export interface Verdict {
  decision: 'allow' | 'deny';
  /** Of the policy in force: equal policies have equal versions, on every machine. */
  version: string;
  /** Every rule, in the order of `GET /policies`, also those that passed or had nothing to say. */
  rules: RuleResult[];
}

/** A member of `violations` in the problem document of a 403 POLICY_DENIED. */
export type PolicyViolation = Omit<RuleResult, 'outcome'>;

/** Every violated rule, in the order in which the rules were seen. */
export function violations(verdict: Verdict): PolicyViolation[] {
  return verdict.rules
    .filter(({ outcome }) => outcome === 'violated')
    .map(({ rule, code, message, field, value, allowed }) => ({
      rule,
      code,
      message,
      field,
      value,
      allowed,
    }));
}
