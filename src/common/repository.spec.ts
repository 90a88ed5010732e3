import { execFileSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import { checkPath, checkRef, parseRepository } from './repository.js';

function repositoryOf(text: string) {
  const parsed = parseRepository(text);
  return parsed.ok ? parsed.repository : parsed.code;
}

function codeOf(checked: { ok: boolean; code?: string }): string {
  return checked.ok ? 'ok' : checked.code!;
}

describe('parseRepository', () => {
  it.each([
    [
      'https://GitHub.com/Owner/Name.git',
      'https',
      'https://github.com/Owner/Name.git',
      'github.com',
      'Owner/Name',
    ],
    ['http://host:8080/a/../b', 'http', 'http://host:8080/b', 'host', 'b'],
    ['https://[::1]/x.git', 'https', 'https://[::1]/x.git', '[::1]', 'x'],
    ['https://0x7f000001/x', 'https', 'https://127.0.0.1/x', '127.0.0.1', 'x'],
    ['ssh://git@Host.example:22/a/b.git', 'ssh', 'ssh://git@host.example:22/a/b.git', 'host.example', 'a/b'],
    ['git@github.com:owner/name.git', 'ssh', 'git@github.com:owner/name.git', 'github.com', 'owner/name'],
    ['owner/name', 'https', 'https://github.com/owner/name.git', 'github.com', 'owner/name'],
    ['owner/name.git', 'https', 'https://github.com/owner/name.git', 'github.com', 'owner/name'],
    ['/srv/git/../repos/a', 'local', 'file:///srv/repos/a', null, '/srv/repos/a'],
    ['file:///srv/r%C3%A9po', 'local', 'file:///srv/répo', null, '/srv/répo'],
    ['/srv/100%', 'local', 'file:///srv/100%25', null, '/srv/100%'],
  ])('reads %s', (text, kind, url, host, path) => {
    expect(repositoryOf(text)).toMatchObject({ kind, url, host, path });
  });

  it.each([
    ['--upload-pack=touch', 'REPOSITORY_OPTION'],
    ['-oProxyCommand=x', 'REPOSITORY_OPTION'],
    ['--upload-pack=touch pwned', 'REPOSITORY_OPTION'],
    ['ext::sh', 'REPOSITORY_TRANSPORT'],
    ['ext::sh -c touch% pwned', 'REPOSITORY_CHARACTERS'],
    ['fd::17/foo', 'REPOSITORY_TRANSPORT'],
    ['git://host/x', 'REPOSITORY_TRANSPORT'],
    ['ftp://host/x', 'REPOSITORY_TRANSPORT'],
    ['https://user:pass@host/x', 'REPOSITORY_CREDENTIALS'],
    ['https://token@host/x', 'REPOSITORY_CREDENTIALS'],
    ['ssh://git:pass@host/x', 'REPOSITORY_CREDENTIALS'],
    ['https://host/x?y=1', 'REPOSITORY_FORM'],
    ['https://host/x#y', 'REPOSITORY_FORM'],
    ['https://host', 'REPOSITORY_FORM'],
    ['https://ho\\st/x', 'REPOSITORY_CHARACTERS'],
    ['ssh://-oProxyCommand=x/y', 'REPOSITORY_FORM'],
    ['ssh://%2doProxyCommand/y', 'REPOSITORY_FORM'],
    ['ssh://host/x%0ay', 'REPOSITORY_CHARACTERS'],
    ['git@-oProxyCommand=x:y', 'REPOSITORY_FORM'],
    ['git@host:-x', 'REPOSITORY_FORM'],
    ['-git@host:x', 'REPOSITORY_OPTION'],
    ['file://host/x', 'REPOSITORY_FORM'],
    ['file:///a%2fb', 'REPOSITORY_FORM'],
    ['/', 'REPOSITORY_FORM'],
    ['./relative', 'REPOSITORY_FORM'],
    ['../../etc', 'REPOSITORY_FORM'],
    ['owner/..', 'REPOSITORY_FORM'],
    ['a\nb/c', 'REPOSITORY_CHARACTERS'],
    ['a/b\0', 'REPOSITORY_CHARACTERS'],
    ['$(touch pwned)', 'REPOSITORY_CHARACTERS'],
    ['$(pwned)/x', 'REPOSITORY_FORM'],
    ['', 'REPOSITORY_LENGTH'],
    [`/${'a'.repeat(2_048)}`, 'REPOSITORY_LENGTH'],
  ])('refuses %j with %s', (text, code) => {
    expect(repositoryOf(text)).toBe(code);
  });

  it('never repeats a password in its answer', () => {
    expect(JSON.stringify(parseRepository('https://me:hunter2@host/x'))).not.toContain('hunter2');
  });
});

describe('checkRef', () => {
  const names = [
    'main', 'feature/x', 'v1.0', 'refs/pull/1/head', 'HEAD', 'größe', '+main', '$(x)', 'a;b', '`x`', 'a@b', 'a.b/c.d',
    '@', 'a..b', '.a', 'a/.b', 'a.lock', 'a/b.lock/c', 'a b', 'a\nb', 'a\tb', 'a~1', 'a^', '^a', 'a:b', 'a?', 'a*', 'a[',
    'a\\b', '/a', 'a/', 'a//b', 'a.', 'a@{1}', '@{u}', 'a\x7f',
  ]; // prettier-ignore

  it.each(names)('agrees with git check-ref-format on %j', (name) => {
    const byGit = (() => {
      try {
        execFileSync('git', ['check-ref-format', '--allow-onelevel', name], { stdio: 'ignore' });
        return true;
      } catch {
        return false;
      }
    })();
    expect(checkRef(name).ok).toBe(byGit);
  });

  it('knows a full commit id', () => {
    expect(checkRef('a'.repeat(40))).toEqual({ ok: true, commit: true });
    expect(checkRef('0'.repeat(64))).toEqual({ ok: true, commit: true });
    expect(checkRef('abc1234')).toEqual({ ok: true, commit: false });
  });

  it.each([
    ['--upload-pack=touch pwned', 'REF_OPTION'],
    ['-x', 'REF_OPTION'],
    ['', 'REF_LENGTH'],
    ['a\0b', 'REF_FORM'],
    ['é'.repeat(128), 'REF_LENGTH'],
  ])('refuses %j with %s', (ref, code) => {
    expect(codeOf(checkRef(ref))).toBe(code);
  });
});

describe('checkPath', () => {
  it.each([
    ['', '.'],
    ['.', '.'],
    ['a/./b//c/', 'a/b/c'],
    ['./a', 'a'],
    ['a..b', 'a..b'],
    ['-rf', '-rf'],
  ])('normalises %j to %j', (text, path) => {
    expect(checkPath(text)).toEqual({ ok: true, path });
  });

  it.each([
    ['/etc', 'PATH_OUTSIDE'],
    ['..', 'PATH_OUTSIDE'],
    ['a/../../b', 'PATH_OUTSIDE'],
    ['.git', 'PATH_GIT'],
    ['a/.GIT/hooks', 'PATH_GIT'],
    ['a\\b', 'PATH_CHARACTERS'],
    ['a\0', 'PATH_CHARACTERS'],
    ['a\nb', 'PATH_CHARACTERS'],
    ['a'.repeat(1_025), 'PATH_LENGTH'],
  ])('refuses %j with %s', (text, code) => {
    expect(codeOf(checkPath(text))).toBe(code);
  });
});
