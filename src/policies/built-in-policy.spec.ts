import { describe, expect, it } from '@jest/globals';
import { builtInPolicy } from './built-in-policy.js';
import { evaluate } from './gate.js';
import type { PolicyInput } from './policy-input.js';
import { BUILT_IN_RULES } from './rules/built-in-rules.js';
import { violations } from './verdict.js';

function codes(
  apiHost: string,
  repository: string | null,
  options: Partial<PolicyInput['options']> = {},
  actor: string | null = null,
): string[] {
  const input: PolicyInput = {
    type: 'anything',
    payload_bytes: 262_144,
    priority: 'medium',
    source: 'api',
    target: { repository, ref: 'main', environment: 'production', path: null },
    options: {
      timeout_seconds: 86_400,
      retries: 0,
      queue: 'default',
      sandbox: { mode: 'preferred', network: false },
      ...options,
    },
    callback: { url: 'https://ci.example/done', host: 'ci.example', refusal: null },
    tags: [],
    actor,
  };
  return violations(evaluate(input, builtInPolicy({ apiHost }), 'v', BUILT_IN_RULES)).map(({ code }) => code);
}

describe('the built-in policy', () => {
  it.each([
    'https://github.com/acme/web',
    'ssh://git@github.com/acme/web',
    'git@github.com:acme/web.git',
    'git@github.com:web',
    'deploy@git.acme.example:/srv/git/web.git',
    '/srv/repos/web',
    '/home/me/.dotfiles',
  ])('lets a newcomer on loopback use %s', (repository) => {
    expect(codes('127.0.0.1', repository)).toEqual([]);
  });

  it.each(['http://github.com/acme/web', 'git://github.com/acme/web', 'ext::sh -c id', '../web', ''])(
    'refuses %j',
    (repository) => {
      expect(codes('127.0.0.1', repository)).toEqual(['REPOSITORY_NOT_ALLOWED']);
    },
  );

  it.each(['/etc', '/srv/repos/web'])('refuses %s once others can reach the API', (repository) => {
    expect(codes('0.0.0.0', repository)).toEqual(['REPOSITORY_NOT_ALLOWED']);
  });

  it('gives neither network nor a run without sandbox', () => {
    const options = { sandbox: { mode: 'none', network: true } } as const;
    expect(codes('127.0.0.1', null, options)).toEqual(['NETWORK_NOT_GRANTED', 'SANDBOX_NOT_GRANTED']);
  });

  it('grants agents nothing', () => {
    expect(codes('127.0.0.1', null, {}, 'agent:build-doctor')).toEqual(['AGENT_NOT_GRANTED']);
  });

  it('allows any type and environment, the longest timeout and the largest payload of the API', () => {
    expect(codes('0.0.0.0', null)).toEqual([]);
  });
});
