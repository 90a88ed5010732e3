import { describe, expect, it } from '@jest/globals';
import { Injectable, type Provider } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { CommonModule } from '../common/common.module.js';
import { ConfigModule } from '../config/config.module.js';
import { readSettings } from '../config/settings.js';
import { PoliciesModule } from './policies.module.js';
import { PoliciesService } from './policies.service.js';
import { PolicyRule, type RuleCheck } from './policy-rule.js';
import { BUILT_IN_RULES } from './rules/built-in-rules.js';

function rule(name: string, code: string, outcome: RuleCheck['outcome'] = 'violated'): Provider {
  @PolicyRule()
  @Injectable()
  class OwnRule implements PolicyRule {
    readonly name = name;
    readonly code = code;
    readonly description = 'Ours.';
    check(): RuleCheck {
      return { outcome, message: 'As we say.', field: 'type', value: null, allowed: null };
    }
  }
  return OwnRule;
}

async function policies(...providers: Provider[]): Promise<PoliciesService> {
  const module = await Test.createTestingModule({
    imports: [CommonModule, ConfigModule.forRoot(readSettings({})), PoliciesModule],
    providers,
  }).compile();
  module.useLogger(false);
  await module.init();
  return module.get(PoliciesService);
}

describe('@PolicyRule()', () => {
  it('adds a rule of an extension behind the built-in ones, in the order of names', async () => {
    const { rules } = (await policies(rule('z-ours', 'Z_OURS'), rule('a-ours', 'A_OURS'))).describe();
    expect(rules.map(({ rule }) => rule)).toEqual([
      ...BUILT_IN_RULES.map(({ name }) => name),
      'a-ours',
      'z-ours',
    ]);
  });

  it('lets the rule deny what all the others let pass', async () => {
    const input = {
      type: 'build',
      payload_bytes: 2,
      priority: 'medium',
      source: 'api',
      target: null,
      options: {
        timeout_seconds: 900,
        retries: 0,
        queue: 'default',
        sandbox: { mode: 'required', network: false },
      },
      callback: null,
      tags: [],
      actor: null,
    } as const;
    expect((await policies(rule('ours', 'OURS', 'passed'))).evaluate(input).decision).toBe('allow');
    expect((await policies(rule('ours', 'OURS'))).evaluate(input).decision).toBe('deny');
  });

  it.each([
    ['the name of a built-in rule', [rule('payload-size', 'OURS')], /payload-size/],
    ['the code of a built-in rule', [rule('ours', 'PAYLOAD_TOO_LARGE')], /PAYLOAD_TOO_LARGE/],
    ['the name of another', [rule('ours', 'OURS'), rule('ours', 'OTHER')], /ours/],
    ['a malformed name', [rule('Ours', 'OURS')], /not a valid name/],
    ['a malformed code', [rule('ours', 'ours')], /not a valid code/],
  ])('stops the start at a rule with %s', async (_, providers, message) => {
    await expect(policies(...providers)).rejects.toThrow(message);
  });
});
