import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { GitRepository } from '../../../test/support/git-repository.js';
import { Clock } from '../../common/clock.js';
import { newId } from '../../common/ids.js';
import { readSettings } from '../../config/settings.js';
import type { RunTarget } from '../../task-types/executor.js';
import { Checkout } from './checkout.js';
import { Mirrors } from './mirrors.js';
import { Workspaces, type Prepared, type Workspace } from './workspaces.js';

let root: string;
let source: GitRepository;
let workspaces: Workspaces;

function makeWorkspaces(clock = new Clock()): Workspaces {
  const settings = readSettings({ JCT_WORKSPACE_ROOT: join(root, 'ws') });
  const mirrors = new Mirrors(settings);
  return new Workspaces(settings, clock, mirrors, new Checkout(mirrors));
}

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'jct-ws-')));
  source = new GitRepository(join(root, 'source'));
  workspaces = makeWorkspaces();
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function prepare(
  target: RunTarget | null,
  signal = new AbortController().signal,
  by = workspaces,
): Promise<Prepared> {
  return by.prepare({ runId: newId(), target, signal });
}

async function ready(target: RunTarget | null, by = workspaces): Promise<Workspace> {
  const prepared = await prepare(target, undefined, by);
  if (!prepared.ok) throw new Error(prepared.failure.message);
  return prepared;
}

async function refused(target: RunTarget): Promise<{ message: string; retryable: boolean }> {
  const prepared = await prepare(target);
  if (prepared.ok) throw new Error('not refused');
  expect(prepared.failure.reason).toBe('error');
  return { message: prepared.failure.message, retryable: prepared.retryable };
}

function fileOf(workspace: Workspace, path: string): string {
  return readFileSync(join(workspace.dir, path), 'utf8');
}

describe('a workspace', () => {
  it('is an empty folder without a repository', async () => {
    const workspace = await ready(null);
    expect(readdirSync(workspace.dir)).toEqual([]);
    expect(workspace).toMatchObject({ cwd: '.', source: null });
  });

  it('holds the default branch, a branch, a tag, an annotated tag, or a commit, and says which commit that is', async () => {
    const first = source.commit({ 'a.txt': '1' });
    source.git('tag', 'v1');
    source.git('tag', '--annotate', '--message', 'x', 'v1a');
    const second = source.commit({ 'a.txt': '2' });
    source.git('checkout', '--quiet', '-b', 'feature/x', first);
    const third = source.commit({ 'a.txt': '3' });
    source.git('checkout', '--quiet', 'main');
    const expected: [string | undefined, string, string][] = [
      [undefined, second, '2'],
      ['main', second, '2'],
      ['feature/x', third, '3'],
      ['refs/heads/feature/x', third, '3'],
      ['v1', first, '1'],
      ['v1a', first, '1'],
      [first, first, '1'],
      [third.toUpperCase(), third, '3'],
    ];
    for (const [ref, commit, content] of expected) {
      const workspace = await ready({ repository: source.dir, ref });
      expect([ref, workspace.source?.commit, fileOf(workspace, 'a.txt')]).toEqual([ref, commit, content]);
      expect(readdirSync(workspace.dir)).toEqual(['a.txt']);
    }
  });

  it('follows a branch that moves, also one that was rewritten', async () => {
    source.commit({ 'a.txt': '1', 'b.txt': 'same' });
    expect(fileOf(await ready({ repository: source.dir, ref: 'main' }), 'a.txt')).toBe('1');
    source.commit({ 'a.txt': '2' });
    const moved = await ready({ repository: source.dir, ref: 'main' });
    expect([fileOf(moved, 'a.txt'), fileOf(moved, 'b.txt')]).toEqual(['2', 'same']);
    source.git('checkout', '--quiet', '--orphan', 'other');
    const rewritten = source.commit({ 'a.txt': '3' });
    source.git('branch', '--force', 'main', rewritten);
    const workspace = await ready({ repository: source.dir, ref: 'main' });
    expect([workspace.source?.commit, fileOf(workspace, 'a.txt')]).toEqual([rewritten, '3']);
  });

  it('needs no repository for a commit that is in the mirror', async () => {
    const commit = source.commit({ 'a.txt': '1' });
    expect((await ready({ repository: source.dir })).source?.fetched).toBe(true);
    rmSync(source.dir, { recursive: true });
    const workspace = await ready({ repository: source.dir, ref: commit });
    expect([workspace.source?.fetched, fileOf(workspace, 'a.txt')]).toEqual([false, '1']);
  });

  it('is its own: many at once, in two processes, of one repository that nobody has fetched before', async () => {
    const commits = [1, 2, 3].map((n) => source.commit({ 'a.txt': String(n), 'b.txt': 'x'.repeat(10_000) }));
    const others = makeWorkspaces();
    const refs = [undefined, 'main', ...commits, ...commits];
    const made = await Promise.all(
      refs.flatMap((ref) => [workspaces, others].map((by) => ready({ repository: source.dir, ref }, by))),
    );
    expect(made.map((workspace) => fileOf(workspace, 'a.txt'))).toEqual(
      ['3', '3', '1', '2', '3', '1', '2', '3'].flatMap((content) => [content, content]),
    );
    expect(new Set(made.map((workspace) => workspace.dir)).size).toBe(16);
  });

  it('comes out right when the mirror is damaged or gone, and the mirror is made anew', async () => {
    const commit = source.commit({ 'a.txt': '1' });
    await ready({ repository: source.dir });
    const mirror = join(root, 'ws/mirrors', readdirSync(join(root, 'ws/mirrors'))[0]);
    for (const pack of readdirSync(join(mirror, 'objects/pack'))) {
      chmodSync(join(mirror, 'objects/pack', pack), 0o600);
      truncateSync(join(mirror, 'objects/pack', pack), 40);
    }
    expect(fileOf(await ready({ repository: source.dir, ref: commit }), 'a.txt')).toBe('1');
    expect((await ready({ repository: source.dir, ref: commit })).source?.fetched).toBe(false);
    rmSync(mirror, { recursive: true });
    expect(fileOf(await ready({ repository: source.dir }), 'a.txt')).toBe('1');
  });

  it('keeps links and executable bits, and works in the folder that `path` names', async () => {
    source.write('sub/dir/run.sh', '');
    chmodSync(join(source.dir, 'sub/dir/run.sh'), 0o755);
    symlinkSync('/etc/passwd', join(source.dir, 'link'));
    source.commit();
    const workspace = await ready({ repository: source.dir, path: './sub//dir/' });
    expect(workspace.cwd).toBe('sub/dir');
    expect(readlinkSync(join(workspace.dir, 'link'))).toBe('/etc/passwd');
    expect(statSync(join(workspace.dir, 'sub/dir/run.sh')).mode & 0o111).toBe(0o111);
  });

  it('is removed on release, whatever is in it', async () => {
    const workspace = await ready(null);
    const outside = join(root, 'outside');
    mkdirSync(join(outside, 'kept'), { recursive: true });
    symlinkSync(outside, join(workspace.dir, 'link'));
    mkdirSync(Buffer.from(`${workspace.dir}/\xff\xfe`, 'latin1'));
    mkdirSync(join(workspace.dir, 'read-only/below'), { recursive: true });
    writeFileSync(join(workspace.dir, 'read-only/below/file'), '');
    chmodSync(join(workspace.dir, 'read-only/below'), 0o500);
    chmodSync(join(workspace.dir, 'read-only'), 0o000);
    await workspaces.release(basename(dirname(workspace.dir)));
    expect(existsSync(dirname(workspace.dir))).toBe(false);
    expect(existsSync(join(outside, 'kept'))).toBe(true);
  });

  it('ends at once when the run is stopped: while it fetches, and while it waits for another fetch', async () => {
    const connections: Socket[] = [];
    let connected: () => void = () => undefined;
    const firstConnection = new Promise<void>((done) => (connected = done));
    // Takes the connection and never answers.
    const server = createServer((socket) => {
      socket.on('error', () => undefined).resume();
      connections.push(socket);
      connected();
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const repository = `http://127.0.0.1:${(server.address() as AddressInfo).port}/x.git`;
    const [first, second] = [new AbortController(), new AbortController()];
    const fetching = prepare({ repository }, first.signal);
    await firstConnection;
    const waiting = prepare({ repository }, second.signal);
    // Once a whole other checkout is through, that one stands in the queue.
    source.commit({ 'a.txt': '1' });
    await ready({ repository: source.dir });
    const closed = new Promise((done) => connections[0].once('close', done));
    second.abort('cancelled');
    expect((await waiting).ok).toBe(false);
    expect(connections).toHaveLength(1);
    first.abort('timeout');
    expect((await fetching).ok).toBe(false);
    await closed;
    server.close();
  });
});

describe('sweep', () => {
  it('removes runs of two days ago and unused mirrors, nothing younger, and with dryRun nothing', async () => {
    source.commit({ 'a.txt': '1' });
    const old = await ready({ repository: source.dir });
    const young = await ready(null);
    const mirror = join(root, 'ws/mirrors', readdirSync(join(root, 'ws/mirrors'))[0]);
    const longAgo = new Date(Date.now() - 49 * 3_600_000);
    for (const dir of [join(old.dir, '..'), mirror]) utimesSync(dir, longAgo, longAgo);
    const days = (count: number) => ({ mirrorsUnusedSeconds: count * 86_400 });
    expect(await workspaces.sweep({ ...days(2), dryRun: true })).toHaveLength(2);
    expect([existsSync(old.dir), existsSync(mirror)]).toEqual([true, true]);
    expect(await workspaces.sweep(days(3))).toHaveLength(1);
    expect([existsSync(old.dir), existsSync(young.dir), existsSync(mirror)]).toEqual([false, true, true]);
    expect(await workspaces.sweep(days(2))).toEqual([mirror.slice(join(root, 'ws/').length)]);
    expect(existsSync(mirror)).toBe(false);
  });
});

describe('what cannot be checked out', () => {
  it.each<[string, RunTarget, RegExp, boolean]>([
    ['no such branch', { ref: 'nope' }, /has no branch, tag or commit nope/, false],
    ['no such commit', { ref: '1'.repeat(40) }, /has no branch, tag or commit 1{40}/, false],
    [
      'no such repository',
      { repository: '/nonexistent/x' },
      /is not a git repository, or does not exist/,
      false,
    ],
    ['no such folder', { path: 'nope' }, /has no folder nope/, false],
    ['a file as the folder', { path: 'a.txt' }, /a\.txt is not a folder/, false],
    ['a folder outside', { path: 'out' }, /out leads outside/, false],
    ['nobody listens', { repository: 'http://127.0.0.1:9/x' }, /could not fetch/, true],
  ])('says so: %s', async (_what, target, message, retryable) => {
    source.commit({ 'a.txt': '1' });
    symlinkSync('/etc', join(source.dir, 'out'));
    source.commit();
    const answer = await refused({ repository: source.dir, ...target });
    expect(answer.message).toMatch(message);
    expect(answer.retryable).toBe(retryable);
  });
});
