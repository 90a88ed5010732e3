import type { JsonValue } from '../common/json.js';
import type { PolicyDocument } from './policy-document.js';
import type { PolicyInput } from './policy-input.js';

/** What one rule found. `not_applicable`: the request has nothing that the rule speaks of. */
export interface RuleCheck {
  outcome: 'passed' | 'violated' | 'not_applicable';
  /** A sentence for the person who sent the request; of a violation, it says what to change. */
  message: string;
  /** Dotted path into the request, e.g. `options.timeout_seconds`. */
  field: string;
  value: JsonValue;
  /** What the policy allows at this place: a list of globs, bounds, a maximum, or the only value. */
  allowed: JsonValue;
}

/**
 * One question that policy asks of every request. Pure and synchronous: the same input and policy give the same answer,
 * nothing outside is read, nothing is changed. A rule that throws denies.
 *
 * @example
 * ```ts
 * export const urgentNeedsActor: PolicyRule = {
 *   name: 'urgent-needs-actor',
 *   code: 'ACTOR_REQUIRED',
 *   description: 'An urgent task names who asks for it.',
 *   check: ({ priority, actor }) => ({
 *     outcome: priority !== 'urgent' ? 'not_applicable' : actor === null ? 'violated' : 'passed',
 *     message: 'Urgent tasks need an API key.',
 *     field: 'priority',
 *     value: priority,
 *     allowed: null,
 *   }),
 * };
 * ```
 */
export interface PolicyRule {
  /** kebab-case, unique. */
  readonly name: string;
  /** Stable UPPER_SNAKE code of its violation, documented in docs/errors.md. */
  readonly code: string;
  /** One sentence for `GET /policies`. */
  readonly description: string;
  check(input: PolicyInput, policy: PolicyDocument): RuleCheck;
}
