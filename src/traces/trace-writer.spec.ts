import { createHash } from 'node:crypto';
import {
  type FileHandle,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { JsonObject } from '../common/json.js';
import { newId } from '../common/ids.js';
import { readSettings } from '../config/settings.js';
import { ARTIFACT_BYTES_MAX } from './artifact-folder.js';
import { TraceStorageError } from './trace-storage-error.js';
import { TraceStore } from './trace-store.js';
import type { TraceRun, TraceWriter } from './trace-writer.js';

const SECRET = 'hunter2-hunter2';

const REFUSED = { refused: expect.any(String) };

describe('TraceWriter', () => {
  let base: string;
  let root: string;
  let store: TraceStore;
  let run: TraceRun;
  let trace: TraceWriter;
  let folder: string;
  let handles: FileHandle[];

  beforeEach(async () => {
    base = await mkdtemp(join(tmpdir(), 'jct-trace-'));
    root = join(base, 'deep', 'traces');
    store = new TraceStore(readSettings({ JCT_TRACE_ROOT: root }));
    run = {
      taskId: newId(),
      taskCreatedAt: new Date('2026-11-22T23:59:59.999Z'),
      attempt: 1,
      runId: newId(),
      startedAt: new Date('2026-11-23T00:00:01.000Z'),
      secrets: [SECRET],
    };
    trace = await store.open(run);
    folder = join(root, trace.path);
    handles = [];
  });
  afterEach(async () => {
    await trace.abandon();
    await Promise.all(handles.map((handle) => handle.close()));
    await rm(base, { recursive: true, force: true });
  });

  const source = async (content: string | Buffer): Promise<{ fd: number; size: number }> => {
    const file = join(base, `source-${handles.length}`);
    await writeFile(file, content);
    const handle = await open(file, 'r');
    handles.push(handle);
    return { fd: handle.fd, size: Buffer.byteLength(content) };
  };
  const seal = (): Promise<{ sha256: string; sizeBytes: number }> =>
    trace.seal({ output: { status: 'completed' }, manifest: { worker: 'w1' } });
  const json = async (path: string): Promise<JsonObject> =>
    JSON.parse(await readFile(join(folder, path), 'utf8'));

  it('leaves a folder that is complete, private, masked and verifiable', async () => {
    await trace.input({ id: run.taskId, env: { TOKEN: SECRET } });
    trace.mask('added-later');
    await trace.output('stdout', Buffer.from(`token ${SECRET} added-later\n`));
    await trace.note('done');
    await trace.event('finished', { secret: SECRET });
    trace.fact('sandbox', { mode: 'none' });
    trace.fact('sandbox', { mode: 'bubblewrap' });
    const big = Buffer.alloc(700_000, 'abc');
    const artifact = await trace.artifact('dist/app.js', await source(big));
    await trace.artifact('empty', await source(''));
    const sealed = await trace.seal({
      output: { message: SECRET },
      manifest: { worker: 'w1', task_seconds: 3 },
    });

    expect(trace.path).toBe(`2026-11-22/${run.taskId}/run-1`);
    expect(artifact).toEqual({
      path: 'artifacts/dist/app.js',
      size_bytes: 700_000,
      sha256: createHash('sha256').update(big).digest('hex'),
    });
    const manifest = await json('manifest.json');
    expect(manifest).toMatchObject({
      version: 1,
      task_id: run.taskId,
      run_id: run.runId,
      attempt: 1,
      started_at: '2026-11-23T00:00:01.000Z',
      worker: 'w1',
      sandbox: { mode: 'bubblewrap' },
      events: { count: 1 },
    });
    const names = [
      'artifacts/dist/app.js',
      'artifacts/empty',
      'events.jsonl',
      'input.json',
      'log.txt',
      'output.json',
    ];
    expect(manifest.files.map((file: { path: string }) => file.path)).toEqual(names);
    expect(manifest.files[0]).toEqual(artifact);
    const bytes = await readFile(join(folder, 'manifest.json'));
    expect(sealed).toEqual({
      sha256: createHash('sha256').update(bytes).digest('hex'),
      sizeBytes: bytes.length,
    });
    expect(await store.verify(trace.path, sealed.sha256)).toEqual({
      ok: true,
      complete: true,
      checked: 7,
      problems: [],
    });

    for (const name of [...names, 'manifest.json']) {
      expect(await readFile(join(folder, name), 'utf8')).not.toMatch(/hunter2|added-later/);
      expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
    }
    for (const name of ['.', '..', '../..', '../../..', 'artifacts', 'artifacts/dist']) {
      expect((await stat(join(folder, name))).mode & 0o777).toBe(0o700);
    }
  });

  it('never writes over the folder of an earlier run', async () => {
    await trace.note('evidence');
    await expect(store.open({ ...run, runId: newId() })).rejects.toThrow(/exists already/);
    await trace.abandon();
    expect(await readFile(join(folder, 'log.txt'), 'utf8')).toMatch(/evidence/);
    const next = await store.open({ ...run, attempt: 2 });
    expect(next.path).toBe(`2026-11-22/${run.taskId}/run-2`);
    await next.abandon();
  });

  it('does not follow a link that stands where a task folder belongs', async () => {
    const other = newId();
    await symlink(base, join(root, '2026-11-22', other));
    await expect(store.open({ ...run, taskId: other })).rejects.toThrow(TraceStorageError);
    expect((await readdir(base)).filter((name) => name.startsWith('run-'))).toEqual([]);
  });

  it('takes nothing more once it is sealed, and stays what was sealed', async () => {
    const { sha256 } = await seal();
    await expect(trace.output('stdout', Buffer.from('late\n'))).rejects.toThrow(TraceStorageError);
    await expect(trace.event('late')).rejects.toThrow(TraceStorageError);
    await expect(trace.artifact('late', await source('x'))).rejects.toThrow(TraceStorageError);
    await expect(seal()).rejects.toThrow(TraceStorageError);
    await trace.abandon();
    expect(await store.verify(trace.path, sha256)).toMatchObject({ ok: true });
  });

  it('contains everything that was given before seal, although nobody waited for it', async () => {
    const writes = Array.from({ length: 50 }, (_, index) =>
      trace.output('stdout', Buffer.from(`${index}\n`)),
    );
    const copies = ['a', 'b', 'c'].map(async (name) =>
      trace.artifact(name, await source(name.repeat(300_000))),
    );
    while (handles.length < 3) await new Promise(setImmediate);
    const { sha256 } = await seal();
    await Promise.all([...writes, ...copies]);
    expect(await store.verify(trace.path, sha256)).toMatchObject({ ok: true, checked: 7 });
    expect((await readFile(join(folder, 'log.txt'), 'utf8')).split('\n')).toHaveLength(51);
  });

  it('keeps log and events, without a manifest, when the run is abandoned', async () => {
    await trace.input({});
    await trace.output('stdout', Buffer.from('half a line'));
    await trace.abandon();
    expect((await readdir(folder)).sort()).toEqual(['events.jsonl', 'input.json', 'log.txt']);
    expect(await readFile(join(folder, 'log.txt'), 'utf8')).toMatch(/out: half a line\n$/);
    await expect(trace.note('late')).rejects.toThrow(TraceStorageError);
  });

  it('rejects every call after a storage failure and leaves no manifest', async () => {
    await rm(folder, { recursive: true });
    await expect(trace.input({})).rejects.toThrow(TraceStorageError);
    await expect(trace.output('stdout', Buffer.from('x\n'))).rejects.toThrow(TraceStorageError);
    await expect(seal()).rejects.toThrow(/input\.json cannot be stored/);
  });

  it('closes everything when it cannot be sealed', async () => {
    await writeFile(join(folder, 'x'), '');
    await rm(folder, { recursive: true });
    const open = (await readdir('/proc/self/fd')).length;
    await expect(seal()).rejects.toThrow(/output\.json cannot be stored/);
    expect((await readdir('/proc/self/fd')).length).toBeLessThanOrEqual(open - 2);
  });

  describe('artifact', () => {
    it.each([
      '',
      '.',
      '..',
      '../log.txt',
      '/etc/x',
      'a//b',
      'a/../b',
      'a\0b',
      'a\\b',
      'x'.repeat(256),
      `key-${SECRET}`,
    ])('is refused under the name %j, and the trace goes on', async (name) => {
      await expect(trace.artifact(name, await source('x'))).resolves.toEqual(REFUSED);
      const { sha256 } = await seal();
      expect(await store.verify(trace.path, sha256)).toMatchObject({ ok: true });
    });

    it('is refused under a name that is taken, or is a folder of another', async () => {
      await trace.artifact('a/b', await source('first'));
      await expect(trace.artifact('a/b', await source('second'))).resolves.toEqual(REFUSED);
      await expect(trace.artifact('a', await source('second'))).resolves.toEqual(REFUSED);
      await expect(trace.artifact('a/b/c', await source('second'))).resolves.toEqual(REFUSED);
      expect(await readFile(join(folder, 'artifacts/a/b'), 'utf8')).toBe('first');
    });

    it('is refused, and leaves nothing, when the file shrinks', async () => {
      const { fd, size } = await source(Buffer.alloc(600_000));
      await truncate(join(base, 'source-0'), 300_000);
      await expect(trace.artifact('shrunk', { fd, size })).resolves.toEqual({
        refused: expect.stringMatching(/shrank from 600000 to 300000 bytes/),
      });
      expect(await readdir(join(folder, 'artifacts'))).toEqual([]);
    });

    it('takes only the promised size of a file that grows', async () => {
      const { fd } = await source('0123456789');
      expect(await trace.artifact('grown', { fd, size: 4 })).toMatchObject({ size_bytes: 4 });
      expect(await readFile(join(folder, 'artifacts/grown'), 'utf8')).toBe('0123');
    });

    it('is refused when it cannot be read', async () => {
      const handle = await open(base, 'r');
      handles.push(handle);
      await expect(trace.artifact('folder', { fd: handle.fd, size: 10 })).resolves.toEqual({
        refused: expect.stringMatching(/cannot be read: EISDIR/),
      });
    });

    it('is refused over the limit of the run, before anything is copied', async () => {
      const { fd } = await source('1');
      await trace.artifact('small', { fd, size: 1 });
      await expect(trace.artifact('big', { fd, size: ARTIFACT_BYTES_MAX })).resolves.toEqual({
        refused: expect.stringMatching(/does not fit/),
      });
      expect(await readdir(join(folder, 'artifacts'))).toEqual(['small']);
    });
  });
});
