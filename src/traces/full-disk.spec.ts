import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { open, readdir, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { newId } from '../common/ids.js';
import { readSettings } from '../config/settings.js';
import { ArtifactRefusedError, TraceStorageError } from './trace-storage-error.js';
import { TraceStore } from './trace-store.js';
import type { TraceWriter } from './trace-writer.js';

const disk = mkdtempSync(join(tmpdir(), 'jct-disk-'));

/** A real file system of 256 KiB and 24 files; only root may make one, elsewhere these tests are reported as skipped. */
function mounted(): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k,nr_inodes=24', 'tmpfs', disk], {
      stdio: 'ignore',
    });
    return true;
  } catch {
    return false;
  }
}
const hasDisk = mounted();

afterAll(() => {
  if (hasDisk) execFileSync('umount', ['--lazy', disk]);
  rmSync(disk, { recursive: true, force: true });
});

(hasDisk ? describe : describe.skip)('on a full disk', () => {
  const store = new TraceStore(readSettings({ JCT_TRACE_ROOT: join(disk, 'traces') }));
  let trace: TraceWriter;

  const start = (): Promise<TraceWriter> =>
    store.open({
      taskId: newId(),
      taskCreatedAt: new Date(),
      attempt: 1,
      runId: newId(),
      secrets: [],
      startedAt: new Date(),
    });
  const fill = async (): Promise<void> => {
    const { bavail, bsize } = await statfs(disk);
    await writeFile(join(disk, 'ballast'), Buffer.alloc(bavail * bsize, 'x'));
  };
  const failureOf = (work: Promise<unknown>): Promise<unknown> =>
    work.then(
      () => 'no failure',
      (error: unknown) => error,
    );
  const enospc = {
    name: 'TraceStorageError',
    message: expect.stringMatching(/no space is left/),
    cause: { code: 'ENOSPC' },
  };

  beforeEach(async () => {
    trace = await start();
  });
  afterEach(async () => {
    await trace.abandon();
    for (const name of await readdir(disk)) await rm(join(disk, name), { recursive: true });
  });

  it('F29 a log that grows fails as TraceStorageError, every call after it too, and no manifest appears', async () => {
    const chunk = Buffer.from('x'.repeat(79).concat('\n').repeat(100));
    let failure: unknown;
    for (let index = 0; index < 100 && failure === undefined; index++) {
      failure = await trace.output('stdout', chunk).catch((error: unknown) => error);
    }
    expect(failure).toMatchObject(enospc);
    for (const call of [
      trace.note('x'),
      trace.event('x'),
      trace.input({}),
      trace.seal({ output: {}, manifest: {} }),
    ]) {
      expect(await failureOf(call)).toBe(failure);
    }
    expect((await store.files(trace.path))?.map(({ path }) => path)).toEqual(['events.jsonl', 'log.txt']);
  });

  it('F29 input.json is not left behind empty or half', async () => {
    await fill();
    expect(await failureOf(trace.input({ text: 'x'.repeat(10_000) }))).toMatchObject(enospc);
    expect((await store.files(trace.path))?.map(({ path }) => path)).toEqual(['events.jsonl', 'log.txt']);
  });

  it('F29 a trace that cannot be sealed has no manifest', async () => {
    await trace.note('done');
    await fill();
    expect(await failureOf(trace.seal({ output: { text: 'x'.repeat(10_000) }, manifest: {} }))).toMatchObject(
      enospc,
    );
    expect(await store.manifest(trace.path)).toBeNull();
    expect(await store.verify(trace.path, null)).toMatchObject({ ok: false, complete: false });
  });

  it('F29 an artifact that does not fit is a storage failure, not a refusal, and leaves no half file', async () => {
    const source = await open(join(disk, 'source'), 'wx+');
    await source.truncate(1_000_000);
    const failure = await failureOf(trace.artifact('big', { fd: source.fd, size: 1_000_000 }));
    await source.close();
    expect(failure).toMatchObject(enospc);
    expect(failure).not.toBeInstanceOf(ArtifactRefusedError);
    expect((await store.files(trace.path))?.map(({ path }) => path)).toEqual(['events.jsonl', 'log.txt']);
  });

  it('F29 the store says so, and recovers when space is freed', async () => {
    await fill();
    expect(await store.freeBytes()).toBeLessThan(4_096);
    expect(await store.checkWritable()).toMatchObject(enospc);
    await rm(join(disk, 'ballast'));
    expect(await store.freeBytes()).toBeGreaterThan(100_000);
    expect(await store.checkWritable()).toBeUndefined();
  });

  it('F31 a run cannot be opened when the file system has no inode left', async () => {
    const opened: TraceWriter[] = [];
    const failure = await failureOf(
      (async () => {
        for (let index = 0; index < 20; index++) opened.push(await start());
      })(),
    );
    expect(failure).toBeInstanceOf(TraceStorageError);
    expect(failure).toMatchObject(enospc);
    await Promise.all(opened.map((each) => each.abandon()));
  });
});
