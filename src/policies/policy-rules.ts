import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { POLICY_RULE_METADATA, type PolicyRule } from './policy-rule.js';
import { BUILT_IN_RULES } from './rules/built-in-rules.js';

/** Every rule of this process: the built-in ones, then those of extensions, found once at boot and proved unambiguous. */
@Injectable()
export class PolicyRules implements OnModuleInit {
  private rules: readonly PolicyRule[] = BUILT_IN_RULES;

  constructor(private readonly discovery: DiscoveryService) {}

  /** @throws Error naming the class when a rule is malformed, or has the name or the code of another */
  onModuleInit(): void {
    const found: PolicyRule[] = [];
    for (const { metatype, instance } of this.discovery.getProviders()) {
      if (typeof metatype !== 'function' || !instance) continue;
      if (Reflect.getOwnMetadata(POLICY_RULE_METADATA, metatype) !== true) continue;
      const rule = instance as PolicyRule;
      if (found.includes(rule)) continue;
      prove(rule, [...BUILT_IN_RULES, ...found]);
      found.push(rule);
    }
    // By name: the order of modules is nobody's business.
    this.rules = [...BUILT_IN_RULES, ...found.sort((a, b) => (a.name < b.name ? -1 : 1))];
  }

  /** In the order in which verdicts and `GET /policies` list them. */
  all(): readonly PolicyRule[] {
    return this.rules;
  }
}

function prove(rule: PolicyRule, others: readonly PolicyRule[]): void {
  const type = rule.constructor.name;
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(rule.name ?? '')) {
    throw new Error(`@PolicyRule() on ${type}: '${rule.name}' is not a valid name of a rule (kebab-case)`);
  }
  if (!/^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$/.test(rule.code ?? '')) {
    throw new Error(`@PolicyRule() on ${type}: '${rule.code}' is not a valid code (UPPER_SNAKE)`);
  }
  if (typeof rule.check !== 'function') throw new Error(`@PolicyRule() on ${type}, which has no check()`);
  const other = others.find(({ name, code }) => name === rule.name || code === rule.code);
  if (other)
    throw new Error(`Two policy rules are called ${other.name} (${other.code}): one of them is ${type}`);
}
