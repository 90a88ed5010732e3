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
 * An extension brings its own as a provider with `@PolicyRule()`; it is asked after the built-in ones, and can only deny.
 *
 * @example
 * ```ts
 * @PolicyRule()
 * @Injectable()
 * export class CriticalNeedsActor implements PolicyRule {
 *   readonly name = 'critical-needs-actor';
 *   readonly code = 'ACTOR_REQUIRED';
 *   readonly description = 'A critical task names who asks for it.';
 *
 *   check({ priority, actor }: PolicyInput): RuleCheck {
 *     return {
 *       outcome: priority !== 'critical' ? 'not_applicable' : actor === null ? 'violated' : 'passed',
 *       message: 'Critical tasks need an API key.',
 *       field: 'priority',
 *       value: priority,
 *       allowed: null,
 *     };
 *   }
 * }
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

export const POLICY_RULE_METADATA = 'jct:policy-rule';

/**
 * Marks a provider as a rule of policy.
 *
 * @throws Error at boot when it is malformed, or when its name or code is one of another rule
 */
export function PolicyRule(): ClassDecorator {
  return (target) => Reflect.defineMetadata(POLICY_RULE_METADATA, true, target);
}
