import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { GitRepository } from '../../../test/support/git-repository.js';
import { Clock } from '../../common/clock.js';
import { newId } from '../../common/ids.js';
import { readSettings } from '../../config/settings.js';
import type { RunTarget } from '../../task-types/executor.js';
import { changedFiles } from './changed-files.js';
import { Checkout } from './checkout.js';
import { Mirrors } from './mirrors.js';
import { Workspaces, type Workspace } from './workspaces.js';

let root: string;
let source: GitRepository;
let workspaces: Workspaces;
const signal = new AbortController().signal;

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'jct-hostile-')));
  source = new GitRepository(join(root, 'source'));
  const settings = readSettings({ JCT_WORKSPACE_ROOT: join(root, 'ws') });
  const mirrors = new Mirrors(settings);
  workspaces = new Workspaces(settings, new Clock(), mirrors, new Checkout(mirrors));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

async function ready(target: RunTarget): Promise<Workspace> {
  const prepared = await workspaces.prepare({ runId: newId(), target, signal });
  if (!prepared.ok) throw new Error(prepared.failure.message);
  return prepared;
}

/** A command that leaves a trace wherever it is executed, and one that shows that this would be seen. */
function canary(): string {
  return `touch ${join(root, 'pwned')}`;
}

function executed(): boolean {
  const here = ['pwned', 'pwned;'].some((name) => existsSync(name));
  return (
    here || readdirSync(root, { recursive: true, encoding: 'utf8' }).some((path) => path.endsWith('pwned'))
  );
}

describe('hostile input', () => {
  const corpus = [
    '--upload-pack=touch pwned',
    '--upload-pack=touch${IFS}pwned',
    '-c',
    '--exec=touch pwned',
    '$(touch pwned)',
    '`touch pwned`',
    '; touch pwned',
    '| touch pwned',
    'main\ntouch pwned',
    'main --upload-pack=touch',
    '../../pwned',
    'main:refs/heads/pwned',
    '^main',
    'ext::sh -c touch% pwned',
    'ext::touch',
    'a\0b',
  ];

  it.each(corpus)(
    'is refused or taken literally as ref, path or repository, never executed: %j',
    async (text) => {
      source.commit({ 'a.txt': '1' });
      const targets: RunTarget[] = [
        { repository: source.dir, ref: text },
        { repository: source.dir, path: text },
        { repository: text },
        { repository: `file://${text}` },
        { repository: `ssh://${text}/x` },
      ];
      for (const target of targets) {
        const prepared = await workspaces.prepare({ runId: newId(), target, signal });
        expect(prepared).toMatchObject({
          ok: false,
          failure: { reason: 'error' },
          retryable: expect.any(Boolean),
        });
      }
      expect(executed()).toBe(false);
    },
  );

  it('stays a name where git allows it', async () => {
    source.commit({ 'a.txt': '1' });
    for (const name of ['$(touch$IFS$9pwned)', ';touch', '+main', "a'b", 'a"b', '&&x', '%0a']) {
      source.git('branch', '--', name);
      expect(readdirSync((await ready({ repository: source.dir, ref: name })).dir)).toEqual(['a.txt']);
    }
    expect(executed()).toBe(false);
  });
});

describe('a hostile server', () => {
  it.each<[string, number, RegExp]>([
    ['leads elsewhere', 302, /has moved: name its new address/],
    ['asks for a password', 401, /does not let this worker in/],
    ['knows nothing', 404, /is not a git repository, or does not exist/],
  ])('that %s is asked once, and no other is contacted', async (_what, status, message) => {
    const paths: string[] = [];
    const server = createServer((request, response) => {
      paths.push(request.url ?? '');
      response
        .writeHead(status, { location: '/elsewhere/info/refs', 'www-authenticate': 'Basic realm="x"' })
        .end();
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const repository = `http://127.0.0.1:${(server.address() as AddressInfo).port}/x.git`;
    const prepared = await workspaces.prepare({ runId: newId(), target: { repository }, signal });
    expect(prepared).toMatchObject({
      failure: { message: expect.stringMatching(message) },
      retryable: false,
    });
    expect(paths).toEqual(['/x.git/info/refs?service=git-upload-pack']);
    await new Promise((closed) => server.close(closed));
  });
});

describe('a hostile local repository', () => {
  it('executes nothing through its configuration or hooks, at checkout and at the comparison afterwards', async () => {
    source.commit({
      'a.txt': '1',
      '.gitattributes': '* filter=evil diff=evil\n',
      '.lfsconfig': '[lfs]\n\turl = file:///\n',
    });
    appendFileSync(
      join(source.dir, '.git/config'),
      `[core]\n\tfsmonitor = ${canary()}\n\tsshCommand = ${canary()}\n\tpager = ${canary()}\n\teditor = ${canary()}\n` +
        `\tgitProxy = ${canary()}\n[uploadpack]\n\tpackObjectsHook = ${canary()}\n[diff "evil"]\n\ttextconv = ${canary()}\n` +
        `[filter "evil"]\n\tsmudge = ${canary()}\n\tprocess = ${canary()}\n\trequired = true\n[alias]\n\tfetch = !${canary()}\n`,
    );
    for (const hook of [
      'post-checkout',
      'pre-auto-gc',
      'post-index-change',
      'reference-transaction',
      'fsmonitor-watchman',
    ]) {
      writeFileSync(join(source.dir, '.git/hooks', hook), `#!/bin/sh\n${canary()}\n`, { mode: 0o755 });
    }
    const workspace = await ready({ repository: source.dir });
    writeFileSync(join(workspace.dir, 'a.txt'), '2');
    expect(await changedFiles(workspace, signal)).toEqual({ ok: true, paths: ['a.txt'] });
    expect(executed()).toBe(false);
  });

  it('is shown to be hostile: plain git falls for the same file system monitor', () => {
    source.commit({ 'a.txt': '1' });
    source.git('config', 'core.fsmonitor', canary());
    source.git('status');
    expect(executed()).toBe(true);
  });

  it('may belong to somebody else', async () => {
    source.commit({ 'a.txt': '1' });
    if (process.getuid?.() === 0) {
      for (const path of ['', '.git']) chownSync(join(source.dir, path), 65_534, 65_534);
    }
    expect((await ready({ repository: source.dir })).source).not.toBeNull();
  });

  it('brings no submodule: its folder stays empty, and filling it is a change', async () => {
    const inner = new GitRepository(join(root, 'inner'));
    inner.commit({ 'x.txt': '1' });
    source.commit({ 'a.txt': '1' });
    source.git('-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', inner.dir, 'sub');
    source.commit();
    const workspace = await ready({ repository: source.dir });
    expect(readdirSync(join(workspace.dir, 'sub'))).toEqual([]);
    expect(await changedFiles(workspace, signal)).toEqual({ ok: true, paths: [] });
    // A repository in its place, whose configuration a careless `git status` would execute.
    const planted = new GitRepository(join(workspace.dir, 'sub'));
    planted.commit({ 'y.txt': '1' });
    planted.git('config', 'core.fsmonitor', canary());
    expect(await changedFiles(workspace, signal)).toEqual({ ok: true, paths: ['sub'] });
    expect(executed()).toBe(false);
  });

  it('leaves LFS pointers as they are', async () => {
    const pointer = 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n';
    source.commit({ 'big.bin': pointer, '.gitattributes': '*.bin filter=lfs diff=lfs merge=lfs -text\n' });
    const workspace = await ready({ repository: source.dir });
    expect(readFileSync(join(workspace.dir, 'big.bin'), 'utf8')).toBe(pointer);
  });

  it('writes nothing outside the workspace through links', async () => {
    symlinkSync(root, join(source.dir, 'out'));
    const commit = source.commit();
    // A second tree in which `out` is a folder with a file: whoever checks it out over the first writes through the link.
    rmSync(join(source.dir, 'out'));
    source.commit({ 'out/pwned': 'x' });
    expect(
      lstatSync(join((await ready({ repository: source.dir, ref: commit })).dir, 'out')).isSymbolicLink(),
    ).toBe(true);
    await ready({ repository: source.dir });
    expect(existsSync(join(root, 'pwned'))).toBe(false);
  });

  it.each(['.git/hooks/post-checkout', '../pwned', '.GIT/config', 'git~1/config'])(
    'is refused with the forged file name %s',
    async (name) => {
      source.commit({ 'a.txt': canary() });
      const blob = source.git('hash-object', '-w', 'a.txt');
      const entry = Buffer.concat([Buffer.from(`100755 ${name}\0`), Buffer.from(blob, 'hex')]);
      writeFileSync(join(root, 'tree'), entry);
      const tree = source.git('hash-object', '-w', '-t', 'tree', '--literally', join(root, 'tree'));
      source.git('update-ref', 'refs/heads/forged', source.git('commit-tree', '-m', 'x', tree));
      const prepared = await workspaces.prepare({
        runId: newId(),
        target: { repository: source.dir, ref: 'forged' },
        signal,
      });
      expect(prepared.ok).toBe(false);
      expect(executed()).toBe(false);
    },
  );
});

describe('changed files', () => {
  it('are those changed, deleted, new or hidden in a nested repository; ignored ones do not count', async () => {
    source.commit({ 'a.txt': '1', 'b.txt': '1', 'c.txt': '1', 'src/d.txt': '1', '.gitignore': 'dist/\n' });
    const workspace = await ready({ repository: source.dir });
    expect(await changedFiles(workspace, signal)).toEqual({ ok: true, paths: [] });
    writeFileSync(join(workspace.dir, 'a.txt'), '2');
    rmSync(join(workspace.dir, 'b.txt'));
    chmodSync(join(workspace.dir, 'c.txt'), 0o755);
    writeFileSync(join(workspace.dir, 'src/new\nname'), '');
    mkdirSync(join(workspace.dir, 'dist'));
    writeFileSync(join(workspace.dir, 'dist/x'), '');
    const nested = new GitRepository(join(workspace.dir, 'nested'));
    nested.commit({ 'x.txt': '1' });
    nested.git('config', 'core.fsmonitor', canary());
    const changed = await changedFiles(workspace, signal);
    expect(changed.ok && changed.paths.sort()).toEqual([
      'a.txt',
      'b.txt',
      'c.txt',
      'nested/',
      'src/new\nname',
    ]);
    expect(executed()).toBe(false);
  });
});
