import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { GitRepository } from '../../../test/support/git-repository.js';
import { Clock } from '../../common/clock.js';
import { newId } from '../../common/ids.js';
import { readSettings } from '../../config/settings.js';
import { Checkout } from '../workspace/checkout.js';
import { Mirrors } from '../workspace/mirrors.js';
import { Workspaces, type Workspace } from '../workspace/workspaces.js';
import type { CheckPayload } from './check.payload.js';
import { runChecks } from './checks.js';

let base: string;
let workspace: Workspace;

beforeAll(async () => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'jct-checks-')));
  const source = new GitRepository(join(base, 'source'));
  source.commit({ 'src/a.ts': '1', 'README.md': '1' });
  const settings = readSettings({ JCT_WORKSPACE_ROOT: join(base, 'ws') });
  const mirrors = new Mirrors(settings);
  const workspaces = new Workspaces(settings, new Clock(), mirrors, new Checkout(mirrors));
  const target = { repository: source.dir };
  const prepared = await workspaces.prepare({ runId: newId(), target, signal: new AbortController().signal });
  if (!prepared.ok) throw new Error(prepared.failure.message);
  workspace = prepared;
  const write = (path: string, text: string) => writeFileSync(join(workspace.dir, path), text);
  for (const folder of ['out', '.jct-home', '.jct-artifacts']) mkdirSync(join(workspace.dir, folder));
  write('.jct-home/cache', '');
  write('.jct-artifacts/x', '');
  write('src/b.ts', '');
  write(
    'src/p.json',
    JSON.stringify({ version: '1.2.0', list: [{ 'a/b': 1, 'm~n': null }], deep: { x: [1, { y: 2 }] } }),
  );
  write('src/broken.json', '{');
  write('src/nested.json', `${'['.repeat(50_000)}${']'.repeat(50_000)}`);
  symlinkSync('b.ts', join(workspace.dir, 'src/inner'));
  symlinkSync('/etc/passwd', join(workspace.dir, 'src/outer'));
});
afterAll(() => rmSync(base, { recursive: true, force: true }));

async function check(payload: CheckPayload, exitCode: number | null = 0) {
  const [result] = await runChecks([payload], { workspace, exitCode });
  return result;
}

describe('a check', () => {
  it('exit_code compares the code; a death by signal is none', async () => {
    expect(await check({ exit_code: 3 }, 3)).toEqual({
      check: 'exit_code 3',
      ok: true,
      message: 'The command ended with 3.',
    });
    expect((await check({ exit_code: 0 }, 3)).ok).toBe(false);
    expect((await check({ exit_code: 0 }, null)).ok).toBe(false);
  });

  it.each([
    ['src/b.ts', true, 'src/b.ts exists.'],
    ['./src//b.ts', true, './src//b.ts exists.'],
    ['src/inner', true, 'src/inner exists.'],
    ['src/outer', false, 'src/outer lies outside the workspace.'],
    ['src', false, 'src is not a file.'],
    ['nope', false, 'nope does not exist.'],
  ])('file_exists %s: %s', async (path, ok, message) => {
    expect(await check({ file_exists: path })).toEqual({ check: `file_exists ${path}`, ok, message });
  });

  it.each([
    ['/version', '1.2.0', true],
    ['/version', '1.2.1', false],
    ['/list/0/a~1b', 1, true],
    ['/list/0/m~0n', null, true],
    ['/list/0', { 'm~n': null, 'a/b': 1 }, true],
    ['/deep/x', [1, { y: 2 }], true],
    ['/deep/x', [{ y: 2 }, 1], false],
    ['/list/00', { 'm~n': null, 'a/b': 1 }, false],
    ['/list/-', null, false],
    ['/list/length', 1, false],
    ['/constructor/name', 'Object', false],
    ['/version/0', '1', false],
    ['/nothing', null, false],
  ])('json_equals %s %j: %s', async (pointer, value, ok) => {
    expect((await check({ json_equals: { file: 'src/p.json', pointer, value } })).ok).toBe(ok);
  });

  it.each([
    ['src/broken.json', /is not JSON/],
    ['src/outer', /is a symbolic link/],
    ['nope', /does not exist/],
    ['src/nested.json', /another value/],
  ])('json_equals of %s fails with a reason', async (file, message) => {
    expect(await check({ json_equals: { file, pointer: '', value: [[[]]] } })).toMatchObject({
      ok: false,
      message: expect.stringMatching(message),
    });
  });

  it('changed_only_under allows changes there, and in the folders that the tower gave', async () => {
    for (const path of ['src', 'src/', './src/', '.']) {
      expect(await check({ changed_only_under: path })).toMatchObject({ ok: true });
    }
    expect(await check({ changed_only_under: 'sr' })).toMatchObject({ ok: false });
    expect(await check({ changed_only_under: 'docs' })).toMatchObject({
      ok: false,
      message: expect.stringMatching(/^6 other files were changed: src\//),
    });
    writeFileSync(join(workspace.dir, 'README.md'), '2');
    expect(await check({ changed_only_under: 'src/' })).toMatchObject({
      ok: false,
      message: '1 other files were changed: README.md',
    });
  });

  it('changed_only_under fails where there is no commit to compare with', async () => {
    const [result] = await runChecks([{ changed_only_under: 'src' }], {
      workspace: { ...workspace, source: null },
      exitCode: 0,
    });
    expect(result).toMatchObject({ ok: false, message: expect.stringMatching(/needs target\.repository/) });
  });
});
