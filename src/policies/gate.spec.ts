import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { evaluate } from './gate.js';
import { type PolicyDocument, policyVersion } from './policy-document.js';
import type { PolicyInput } from './policy-input.js';
import type { PolicyRule } from './policy-rule.js';
import { readPolicy } from './read-policy.js';
import { BUILT_IN_RULES } from './rules/built-in-rules.js';
import { type Verdict, violations } from './verdict.js';

const POLICY = policy(`
version: 1
types: [build, test]
timeout_seconds: { min: 10, max: 3600 }
repositories: ['https://github.com/acme/**', '/home/**']
environments: [dev, 'staging-*']
payload_bytes_max: 1000
callbacks: { hosts: ['*.acme.example'] }
grants:
  - { network: true, types: [build], repositories: ['https://github.com/acme/web'], environments: [dev] }
  - { sandbox_none: true, types: [test], repositories: ['*'], environments: ['*'] }
agents:
  - { names: [doctor], types: [test] }
`);

const INPUT: PolicyInput = {
  type: 'build',
  payload_bytes: 100,
  priority: 'medium',
  source: 'api',
  target: { repository: 'https://github.com/acme/web', ref: 'main', environment: 'dev', path: null },
  options: {
    timeout_seconds: 900,
    retries: 0,
    queue: 'default',
    sandbox: { mode: 'required', network: false },
  },
  callback: { url: 'https://ci.acme.example/done', host: 'ci.acme.example', refusal: null },
  tags: [],
  actor: null,
};

function policy(yaml: string): PolicyDocument {
  const reading = readPolicy(yaml);
  if ('problems' in reading) throw new Error(reading.problems.join('\n'));
  return reading.policy;
}

function judge(input: PolicyInput, document = POLICY): Verdict {
  return evaluate(input, document, policyVersion(document), BUILT_IN_RULES);
}

function codes(input: PolicyInput, document = POLICY): string[] {
  return violations(judge(input, document)).map(({ code }) => code);
}

const on = (repository: string | null, environment: string | null = 'dev'): PolicyInput => ({
  ...INPUT,
  target: { repository, ref: null, environment, path: null },
});
const sandboxed = (mode: 'preferred' | 'none', network: boolean): PolicyInput['options'] => ({
  ...INPUT.options,
  sandbox: { mode, network },
});
const calling = (host: string, refusal: string | null = null): PolicyInput => ({
  ...INPUT,
  callback: { url: `https://${host}/done`, host, refusal },
});
const waiting = (timeout_seconds: number): PolicyInput => ({
  ...INPUT,
  options: { ...INPUT.options, timeout_seconds },
});

describe('the gate', () => {
  it('allows a request that every rule lets pass, and shows every rule', () => {
    const verdict = judge(INPUT);
    expect(verdict.decision).toBe('allow');
    expect(verdict.rules.map(({ rule, outcome }) => `${rule} ${outcome}`)).toEqual([
      'task-type-allowed passed',
      'timeout-bounds passed',
      'repository-allowed passed',
      'environment-allowed passed',
      'sandbox-network not_applicable',
      'sandbox-mode passed',
      'callback-allowed passed',
      'payload-size passed',
      'agent-granted not_applicable',
    ]);
  });

  it.each<[string, PolicyInput, string, string, unknown]>([
    ['an unlisted type', { ...INPUT, type: 'deploy' }, 'TASK_TYPE_NOT_ALLOWED', 'type', 'deploy'],
    ['a timeout below the minimum', waiting(9), 'TIMEOUT_OUT_OF_BOUNDS', 'options.timeout_seconds', 9],
    ['a timeout above the maximum', waiting(3601), 'TIMEOUT_OUT_OF_BOUNDS', 'options.timeout_seconds', 3601],
    [
      'a repository of somebody else',
      on('https://github.com/evil/web'),
      'REPOSITORY_NOT_ALLOWED',
      'target.repository',
      'https://github.com/evil/web',
    ],
    [
      'an unlisted environment',
      on('https://github.com/acme/web', 'production'),
      'ENVIRONMENT_NOT_ALLOWED',
      'target.environment',
      'production',
    ],
    [
      'the network without a grant for the environment',
      { ...on('https://github.com/acme/web', 'staging-1'), options: sandboxed('preferred', true) },
      'NETWORK_NOT_GRANTED',
      'options.sandbox.network',
      true,
    ],
    [
      'no sandbox without a grant for the type',
      { ...INPUT, options: sandboxed('none', false) },
      'SANDBOX_NOT_GRANTED',
      'options.sandbox.mode',
      'none',
    ],
    [
      'a callback to an unlisted host',
      calling('evil.example'),
      'CALLBACK_NOT_ALLOWED',
      'callback_url',
      'https://evil.example/done',
    ],
    [
      'a callback that the outbound guard refuses, though its host is listed',
      calling('db.acme.example', 'The host is private.'),
      'CALLBACK_NOT_ALLOWED',
      'callback_url',
      'https://db.acme.example/done',
    ],
    [
      'an agent a type that is granted to others',
      { ...INPUT, actor: 'agent:tidy' },
      'AGENT_NOT_GRANTED',
      'type',
      'build',
    ],
    [
      'an agent a type that is not granted to it',
      { ...INPUT, actor: 'agent:doctor' },
      'AGENT_NOT_GRANTED',
      'type',
      'build',
    ],
    ['a payload that is too large', { ...INPUT, payload_bytes: 1001 }, 'PAYLOAD_TOO_LARGE', 'payload', 1001],
  ])('denies %s, by that rule alone', (_what, input, code, field, value) => {
    const verdict = judge(input);
    expect(verdict.decision).toBe('deny');
    expect(verdict.rules).toHaveLength(BUILT_IN_RULES.length);
    expect(violations(verdict)).toEqual([expect.objectContaining({ code, field, value })]);
  });

  it('lists all violations at once, each with what would be allowed', () => {
    const everything: PolicyInput = {
      ...calling('evil.example'),
      type: 'deploy',
      actor: 'agent:tidy',
      payload_bytes: 5000,
      target: { repository: 'http://x.example/y', ref: null, environment: 'production', path: null },
      options: { ...sandboxed('none', true), timeout_seconds: 1 },
    };
    expect(codes(everything)).toEqual(BUILT_IN_RULES.map(({ code }) => code));
    expect(violations(judge(everything)).map(({ allowed }) => allowed)).toEqual([
      ['build', 'test'],
      { min: 10, max: 3600 },
      ['https://github.com/acme/**', '/home/**'],
      ['dev', 'staging-*'],
      false,
      ['required', 'preferred'],
      ['*.acme.example'],
      1000,
      [],
    ]);
  });

  it.each(['dev', 'staging-7'])('accepts both bounds and the environment %s by its glob', (environment) => {
    expect(codes(on(null, environment))).toEqual([]);
    expect(codes(waiting(10))).toEqual([]);
    expect(codes(waiting(3600))).toEqual([]);
  });

  it('has nothing against a task without target and callback, and says that those rules do not apply', () => {
    const verdict = judge({ ...INPUT, target: null, callback: null });
    expect(verdict.decision).toBe('allow');
    expect(
      verdict.rules.filter(({ outcome }) => outcome === 'not_applicable').map(({ rule }) => rule),
    ).toEqual([
      'repository-allowed',
      'environment-allowed',
      'sandbox-network',
      'callback-allowed',
      'agent-granted',
    ]);
  });

  it('lets an agent hand in what is granted to it, under every other rule', () => {
    const doctor = { ...INPUT, type: 'test', actor: 'agent:doctor' };
    expect(codes(doctor)).toEqual([]);
    expect(codes({ ...doctor, payload_bytes: 1001 })).toEqual(['PAYLOAD_TOO_LARGE']);
  });

  it('gives a privilege only where type, repository and environment of one grant all match', () => {
    const network = { options: sandboxed('preferred', true) };
    expect(codes({ ...INPUT, ...network })).toEqual([]);
    expect(codes({ ...on('https://github.com/acme/web.git'), ...network })).toEqual([]);
    expect(codes({ ...INPUT, ...network, type: 'test' })).toEqual(['NETWORK_NOT_GRANTED']);
    expect(codes({ ...on('https://github.com/acme/api'), ...network })).toEqual(['NETWORK_NOT_GRANTED']);
    expect(codes({ ...INPUT, ...network, target: null })).toEqual(['NETWORK_NOT_GRANTED']);
  });

  it("lets a grant for '*' cover a task that names no repository and no environment", () => {
    expect(codes({ ...INPUT, type: 'test', target: null, options: sandboxed('none', false) })).toEqual([]);
  });

  it('does not let one privilege stand for the other', () => {
    expect(codes({ ...INPUT, type: 'test', options: sandboxed('none', true) })).toEqual([
      'NETWORK_NOT_GRANTED',
    ]);
  });

  it('denies when a rule throws, names that rule, and still asks the others', () => {
    const broken: PolicyRule = {
      name: 'broken',
      code: 'BROKEN',
      description: '',
      check: () => {
        throw new Error('division by zero');
      },
    };
    const verdict = evaluate(INPUT, POLICY, 'v', [broken, ...BUILT_IN_RULES]);
    expect(verdict.decision).toBe('deny');
    expect(verdict.rules).toHaveLength(BUILT_IN_RULES.length + 1);
    expect(violations(verdict)).toEqual([
      expect.objectContaining({
        rule: 'broken',
        code: 'RULE_FAILED',
        message: expect.stringContaining('division by zero'),
      }),
    ]);
  });

  it('gives the same verdict for the same input and leaves the input as it is', () => {
    const text = fc.oneof(
      fc.constantFrom('build', 'dev', 'https://github.com/acme/web', '/home/me'),
      fc.string(),
    );
    const maybe = fc.option(text);
    const input: fc.Arbitrary<PolicyInput> = fc.record({
      type: text,
      payload_bytes: fc.nat(2_000),
      priority: text,
      source: text,
      target: fc.option(fc.record({ repository: maybe, ref: maybe, environment: maybe, path: maybe })),
      options: fc.record({
        timeout_seconds: fc.integer({ min: 1, max: 86_400 }),
        retries: fc.nat(25),
        queue: text,
        sandbox: fc.record({ mode: fc.constantFrom('required', 'preferred', 'none'), network: fc.boolean() }),
      }),
      callback: fc.option(fc.record({ url: text, host: text, refusal: maybe })),
      tags: fc.array(text),
      actor: maybe,
    });
    fc.assert(
      fc.property(input, (given) => {
        const before = structuredClone(given);
        const verdict = judge(given);
        expect(judge(structuredClone(given))).toEqual(verdict);
        expect(given).toEqual(before);
        expect(verdict.decision === 'deny').toBe(violations(verdict).length > 0);
        expect(JSON.parse(JSON.stringify(verdict))).toEqual(verdict);
      }),
      { numRuns: 300 },
    );
  });
});
