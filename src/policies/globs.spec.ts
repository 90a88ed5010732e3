import { describe, expect, it } from '@jest/globals';
import { matchesAny, matchesRepository } from './globs.js';

describe('globs of a policy', () => {
  it.each<[string, string, boolean]>([
    ['https://**', 'https://github.com/acme/web', true],
    ['https://**', 'http://github.com/acme/web', false],
    ['https://github.com/acme/*', 'https://github.com/acme/web', true],
    ['https://github.com/acme/*', 'https://github.com/acme/team/web', false],
    ['https://github.com/acme/**', 'https://github.com/acme/team/web.git', true],
    ['https://github.com/acme/**', 'https://github.com/acme-evil/web', false],
    ['https://github.com/acme/**', 'https://evil.example/https://github.com/acme/web', false],
    ['https://{github,gitlab}.com/**', 'https://gitlab.com/acme/web', true],
    ['file:///**', 'file:///srv/web', true],
    ['/home/**', '/home/me/.dotfiles', true],
    ['/home/**', '/homestead/web', false],
    ['*.acme.example', 'a.b.acme.example', true],
    ['*.acme.example', 'evilacme.example', false],
    ['*.acme.example', 'hooks.acme.example.evil.test', false],
    ['*', 'anything/at/all', true],
    ['dev', 'DEV', false],
    ['dev', 'dev\nprod', false],
    ['a.c', 'abc', false],
  ])('%s against %j: %s', (glob, value, expected) => {
    expect(matchesAny([glob], value)).toBe(expected);
    expect(matchesAny(['something-else', glob], value)).toBe(expected);
  });

  it.each([
    '/home/../etc',
    '/home/me/..',
    '/home/./me',
    '/home/a\\..\\..\\etc',
    'https://github.com/acme/%2e%2e/evil/web',
    'https://github.com/acme/..%2Fevil/web',
  ])('nothing matches %j: it may resolve to another place', (value) => {
    expect(matchesAny(['*', '/home/**', 'https://github.com/acme/**'], value)).toBe(false);
  });

  it('takes a remote repository with and without .git for the same, a local one not', () => {
    const globs = ['https://github.com/acme/web', '/srv/web'];
    expect(matchesRepository(globs, 'https://github.com/acme/web.git')).toBe(true);
    expect(matchesRepository(globs, 'https://github.com/acme/web')).toBe(true);
    expect(matchesRepository(globs, 'https://github.com/acme/webgit')).toBe(false);
    expect(matchesRepository(globs, '/srv/web')).toBe(true);
    expect(matchesRepository(globs, '/srv/web.git')).toBe(false);
  });

  it('an empty list matches nothing', () => {
    expect(matchesAny([], 'build')).toBe(false);
  });
});
