import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { newId } from '../common/ids.js';
import { readSettings } from '../config/settings.js';
import { TraceStorageError } from './trace-storage-error.js';
import { TraceStore } from './trace-store.js';
import type { TraceWriter } from './trace-writer.js';

const CREATED = new Date('2026-11-22T12:00:00.000Z');

describe('TraceStore', () => {
  let base: string;
  let root: string;
  let store: TraceStore;
  let trace: TraceWriter;
  let folder: string;
  let openBefore: number;

  const start = (createdAt = CREATED, taskId = newId(), attempt = 1): Promise<TraceWriter> =>
    store.open({
      taskId,
      taskCreatedAt: createdAt,
      attempt,
      runId: newId(),
      secrets: [],
      startedAt: new Date(),
    });
  const collect = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
    const all: T[] = [];
    for await (const item of items) all.push(item);
    return all;
  };
  const openFiles = async (): Promise<number> => (await readdir('/proc/self/fd')).length;

  beforeEach(async () => {
    openBefore = await openFiles();
    base = await mkdtemp(join(tmpdir(), 'jct-store-'));
    root = join(base, 'traces');
    store = new TraceStore(readSettings({ JCT_TRACE_ROOT: root }));
    trace = await start();
    folder = join(root, trace.path);
  });
  afterEach(async () => {
    await trace.abandon();
    await rm(base, { recursive: true, force: true });
  });

  describe('writeBeside', () => {
    it('writes beside the folder, which still verifies, replaces it as a whole, and loses it with the task', async () => {
      await trace.input({ a: 1 });
      const { sha256 } = await trace.seal({ output: {}, manifest: {} });
      for (const text of ['first', 'second']) {
        const path = await store.writeBeside(trace.path, 'diagnosis.json', Buffer.from(text));
        expect(path).toBe(`${trace.path}.diagnosis.json`);
        expect(await readFile(join(root, path!), 'utf8')).toBe(text);
        expect((await store.readBeside(trace.path, 'diagnosis.json'))?.toString()).toBe(text);
      }
      expect(await store.verify(trace.path, sha256)).toMatchObject({ ok: true });
      expect(await collect(store.runFolders())).toHaveLength(1);
      expect(await store.removeTaskFolder(dirname(trace.path))).toBe(true);
      expect(await store.readBeside(trace.path, 'diagnosis.json')).toBeUndefined();
    });

    it('writes nothing where there is no such folder, and follows no link when it reads', async () => {
      const nowhere = trace.path.replace(/run-1$/, 'run-2');
      expect(await store.writeBeside(nowhere, 'diagnosis.json', Buffer.from(''))).toBeUndefined();
      await writeFile(join(base, 'outside'), 'outside');
      await symlink(join(base, 'outside'), `${folder}.diagnosis.json`);
      expect(await store.readBeside(trace.path, 'diagnosis.json')).toBeUndefined();
    });

    it.each(['manifest.txt', '../a.json', 'a/b.json', '.json', 'A.json'])(
      'refuses the name %j',
      async (name) => {
        await expect(store.writeBeside(trace.path, name, Buffer.from(''))).rejects.toThrow(
          /cannot stand beside/,
        );
        expect(await store.readBeside(trace.path, name)).toBeUndefined();
      },
    );
  });

  describe('readFile', () => {
    beforeEach(async () => {
      await trace.input({ a: 1 });
      await mkdir(join(folder, 'artifacts', 'folder'), { recursive: true });
      await writeFile(join(folder, 'artifacts', 'empty'), '');
      await writeFile(join(folder, 'artifacts', '100%2e ünï.txt'), 'odd name');
      await writeFile(join(base, 'outside'), 'outside');
      await symlink(join(base, 'outside'), join(folder, 'artifacts', 'link'));
      await symlink('../input.json', join(folder, 'artifacts', 'inner-link'));
      await symlink('.', join(folder, 'artifacts', 'link-to-folder'));
      await symlink(base, join(folder, 'linked'));
      execFileSync('mkfifo', [join(folder, 'artifacts', 'fifo')]);
      await trace.abandon();
    });

    it.each([
      ['input.json', '{\n  "a": 1\n}\n'],
      ['artifacts/empty', ''],
      ['artifacts/100%2e ünï.txt', 'odd name'],
    ])('reads %s', async (name, content) => {
      const file = await store.readFile(trace.path, name);
      expect(file?.sizeBytes).toBe(Buffer.byteLength(content));
      expect(await text(file!.stream)).toBe(content);
    });

    it.each([
      '',
      '.',
      '..',
      '/',
      './input.json',
      'artifacts/../input.json',
      '../run-1/input.json',
      '../../../../outside',
      '..%2f..%2f..%2f..%2foutside',
      '%2e%2e/%2e%2e/%2e%2e/outside',
      '..\\..\\outside',
      'artifacts//empty',
      'artifacts/empty/',
      'artifacts/empty/x',
      '/etc/passwd',
      'input.json\0',
      '\0',
      'artifacts',
      'artifacts/folder',
      'artifacts/link',
      'artifacts/inner-link',
      'artifacts/link-to-folder/empty',
      'linked/outside',
      'artifacts/fifo',
      'x'.repeat(10_240),
      `${'x/'.repeat(5_000)}x`,
      'no-such-file',
    ])('does not find %j', async (name) => {
      expect(await store.readFile(trace.path, name)).toBeUndefined();
    });

    it.each([
      '',
      '.',
      '..',
      '/',
      '../..',
      '2026-11-22',
      `2026-11-22/${newId()}/run-1`,
      '2026-11-22/../2026-11-22/x/run-1',
      'a\0b',
    ])('finds nothing in the folder %j', async (path) => {
      expect(await store.readFile(path, 'input.json')).toBeUndefined();
      expect(await store.readLog(path)).toBeUndefined();
      expect(await store.manifest(path)).toBeNull();
      expect(await store.files(path)).toBeUndefined();
      expect(await store.verify(path, null)).toMatchObject({ ok: false, complete: false, checked: 0 });
    });

    it('finds nothing in a run folder that is a link, although the name is right', async () => {
      const other = store.pathOf({ id: newId(), createdAt: CREATED }, 1);
      await mkdir(join(root, other, '..'), { recursive: true });
      await symlink(folder, join(root, other));
      expect(await store.readFile(other, 'input.json')).toBeUndefined();
    });

    it('works when the trace root itself is reached through a link', async () => {
      await symlink(root, join(base, 'alias'));
      const aliased = new TraceStore(readSettings({ JCT_TRACE_ROOT: join(base, 'alias') }));
      expect(await text((await aliased.readFile(trace.path, 'input.json'))!.stream)).toContain('"a": 1');
    });

    it('lists regular files only', async () => {
      expect((await store.files(trace.path))?.map(({ path }) => path)).toEqual([
        'artifacts/100%2e ünï.txt',
        'artifacts/empty',
        'events.jsonl',
        'input.json',
        'log.txt',
      ]);
    });

    it('keeps no file open, whether it is found or not', async () => {
      for (let round = 0; round < 20; round++) {
        for (const name of ['artifacts', 'artifacts/fifo', 'artifacts/link', 'linked/outside'])
          await store.readFile(trace.path, name);
        await buffer((await store.readFile(trace.path, 'input.json'))!.stream);
        await buffer((await store.readFile(trace.path, 'artifacts/empty'))!.stream);
        await store.logSize(trace.path);
        await store.verify(trace.path, null);
      }
      expect(await openFiles()).toBeLessThan(openBefore + 10);
    });
  });

  describe('readLog', () => {
    const read = async (range?: Parameters<TraceStore['readLog']>[1]): Promise<[string, number, number]> => {
      const { stream, startBytes, sizeBytes } = (await store.readLog(trace.path, range))!;
      return [await text(stream), startBytes, sizeBytes];
    };

    it('reads a log while it grows: each read goes on where the last one ended', async () => {
      await trace.output('stdout', Buffer.from('one\n'));
      const [first, , size] = await read();
      await trace.output('stdout', Buffer.from('two\n'));
      const [second, start] = await read({ offsetBytes: size });
      expect(start).toBe(size);
      expect(first + second).toBe(await readFile(join(folder, 'log.txt'), 'utf8'));
      expect(await store.logSize(trace.path)).toBe(first.length + second.length);
      expect((await read({ offsetBytes: 1e9 }))[0]).toBe('');
    });

    it('reads the last bytes and the last lines, across blocks', async () => {
      for (let index = 0; index < 40; index++)
        await trace.output('stdout', Buffer.from(`${index}${'x'.repeat(9_999)}\n`));
      const all = await readFile(join(folder, 'log.txt'), 'utf8');
      expect((await read({ tailBytes: 100 }))[0]).toBe(all.slice(-100));
      expect((await read({ tailBytes: 1e9 }))[0]).toBe(all);
      for (const count of [0, 1, 2, 7, 13, 39, 40, 41, 1_000]) {
        const lines = all.split(/(?<=\n)/);
        expect((await read({ tailLines: count }))[0]).toBe(count === 0 ? '' : lines.slice(-count).join(''));
      }
    });

    it('reads the last lines of an empty log', async () => {
      expect(await read({ tailLines: 5 })).toEqual(['', 0, 0]);
    });
  });

  describe('manifest', () => {
    it('is null while the run goes on, and when it is not JSON', async () => {
      expect(await store.manifest(trace.path)).toBeNull();
      await trace.seal({ output: {}, manifest: { worker: 'w' } });
      expect(await store.manifest(trace.path)).toMatchObject({
        version: 1,
        worker: 'w',
        files: expect.any(Array),
      });
      await writeFile(join(folder, 'manifest.json'), '{"files":[{}]}');
      expect(await store.manifest(trace.path)).toBeNull();
      await writeFile(join(folder, 'manifest.json'), 'null');
      expect(await store.manifest(trace.path)).toBeNull();
    });
  });

  describe('the disk', () => {
    it('is measured and probed, and no probe is left', async () => {
      expect(await store.freeBytes()).toBeGreaterThan(0);
      expect(await store.checkWritable()).toBeUndefined();
      expect(await readdir(root)).toEqual(['2026-11-22']);
    });

    it('is not writable when the trace root is a file: a value that says so', async () => {
      const broken = new TraceStore(readSettings({ JCT_TRACE_ROOT: join(folder, 'log.txt') }));
      expect(await broken.checkWritable()).toBeInstanceOf(TraceStorageError);
      await expect(broken.freeBytes()).rejects.toThrow(TraceStorageError);
    });
  });

  describe('folders', () => {
    it('are found by day, without links and foreign names', async () => {
      const old = await start(new Date('2026-11-20T00:00:00.000Z'));
      const second = await start(new Date('2026-11-20T00:00:00.000Z'), old.path.split('/')[1], 2);
      await Promise.all([old.abandon(), second.abandon()]);
      await mkdir(join(root, 'lost+found'));
      await mkdir(join(root, '2026-11-20', 'not-a-task'));
      await symlink(join(root, '2026-11-20'), join(root, '2026-11-19'));
      await symlink(folder, join(root, old.path, '..', 'run-3'));
      await writeFile(join(root, '2026-11-20', newId()), '');
      const [date, taskId] = old.path.split('/');
      const runs = await collect(store.runFolders());
      expect(runs.map(({ path }) => path).sort()).toEqual([old.path, second.path, trace.path].sort());
      expect(runs.find(({ attempt }) => attempt === 2)).toEqual({
        taskId,
        date,
        attempt: 2,
        path: second.path,
      });
      expect(await collect(store.taskFolders(CREATED))).toEqual([
        { taskId, date, path: `${date}/${taskId}` },
      ]);
      expect(await collect(store.taskFolders(new Date('2026-11-20T23:59:59.999Z')))).toEqual([]);
    });

    it('are none where no trace was ever written', async () => {
      const fresh = new TraceStore(readSettings({ JCT_TRACE_ROOT: join(base, 'never') }));
      expect(await collect(fresh.runFolders())).toEqual([]);
      expect(await collect(fresh.taskFolders(new Date()))).toEqual([]);
      expect(await fresh.removeTaskFolder(`2026-11-22/${newId()}`)).toBe(false);
    });

    it('are removed with their links, never with what the links lead to, and the empty day with them', async () => {
      await mkdir(join(base, 'precious'));
      await writeFile(join(base, 'precious', 'file'), 'kept');
      await symlink(join(base, 'precious'), join(folder, 'linked'));
      const taskPath = trace.path.split('/').slice(0, 2).join('/');
      await trace.abandon();
      expect(await store.removeTaskFolder(taskPath)).toBe(true);
      expect(await readdir(root)).toEqual([]);
      expect(await readFile(join(base, 'precious', 'file'), 'utf8')).toBe('kept');
      expect(await store.removeTaskFolder(taskPath)).toBe(false);
    });

    it('are not removed through a link, nor by any other kind of path', async () => {
      const taskPath = trace.path.split('/').slice(0, 2).join('/');
      await rename(join(root, '2026-11-22'), join(base, 'moved'));
      await symlink(join(base, 'moved'), join(root, '2026-11-22'));
      for (const path of [
        taskPath,
        '',
        '.',
        '..',
        '../moved',
        '2026-11-22',
        trace.path,
        `2026-11-22/../${taskPath}`,
        join(base, 'moved'),
      ]) {
        expect(await store.removeTaskFolder(path)).toBe(false);
      }
      expect(await readdir(join(base, 'moved'))).toHaveLength(1);
    });
  });

  it('destroying a stream half read closes its file', async () => {
    await trace.output('stdout', Buffer.alloc(1_000_000, 'x\n'));
    const before = await openFiles();
    const { stream } = (await store.readLog(trace.path))!;
    await new Promise((resolve) => stream.once('readable', resolve));
    await closed(stream.destroy());
    expect(await openFiles()).toBe(before);
  });
});

function closed(stream: Readable): Promise<void> {
  return new Promise((resolve) => stream.once('close', () => resolve()));
}
