import { mkdtemp, open, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { newId } from '../common/ids.js';
import { readSettings } from '../config/settings.js';
import { TraceStore } from './trace-store.js';
import type { TraceWriter } from './trace-writer.js';

describe('verifying a trace', () => {
  let root: string;
  let store: TraceStore;
  let trace: TraceWriter;
  let folder: string;
  let sha256: string;

  const start = (): Promise<TraceWriter> =>
    store.open({
      taskId: newId(),
      taskCreatedAt: new Date(),
      attempt: 1,
      runId: newId(),
      secrets: [],
      startedAt: new Date(),
    });

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'jct-verify-'));
    store = new TraceStore(readSettings({ JCT_TRACE_ROOT: root }));
    trace = await start();
    folder = join(root, trace.path);
    await trace.input({ type: 'test' });
    await trace.output('stdout', Buffer.from('hello\n'));
    for (const name of ['claimed', 'started', 'finished']) await trace.event(name);
    await writeFile(join(root, 'source'), 'artifact');
    const source = await open(join(root, 'source'));
    await trace.artifact('a.txt', { fd: source.fd, size: 8 });
    await source.close();
    ({ sha256 } = await trace.seal({ output: { status: 'completed' }, manifest: {} }));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  const flip = async (name: string, at: number): Promise<void> => {
    const bytes = await readFile(join(folder, name));
    bytes[at] ^= 1;
    await writeFile(join(folder, name), bytes);
  };

  it('accepts what was sealed', async () => {
    expect(await store.verify(trace.path, sha256)).toEqual({
      ok: true,
      complete: true,
      checked: 6,
      problems: [],
    });
  });

  it.each(['input.json', 'log.txt', 'output.json', 'artifacts/a.txt'])(
    'finds one flipped bit in %s',
    async (name) => {
      await flip(name, 5);
      const { ok, complete, problems } = await store.verify(trace.path, sha256);
      expect({ ok, complete }).toEqual({ ok: false, complete: true });
      expect(problems).toEqual([{ file: name, code: 'changed', message: expect.any(String) }]);
    },
  );

  it.each([1, 2, 3])('finds one flipped bit in events.jsonl and names line %i', async (line) => {
    const lines = (await readFile(join(folder, 'events.jsonl'), 'utf8')).split(/(?<=\n)/);
    await flip('events.jsonl', lines.slice(0, line - 1).join('').length + 30);
    const { problems } = await store.verify(trace.path, sha256);
    expect(problems.map(({ file, code, line }) => ({ file, code, line }))).toEqual([
      { file: 'events.jsonl', code: 'changed', line: undefined },
      { file: 'events.jsonl', code: 'chain_broken', line },
    ]);
  });

  it('finds every flipped bit of the manifest', async () => {
    const { length } = await readFile(join(folder, 'manifest.json'));
    for (let at = 0; at < length; at += 13) {
      await flip('manifest.json', at);
      const { ok, problems } = await store.verify(trace.path, sha256);
      expect(ok).toBe(false);
      expect(problems[0]).toMatchObject({ file: 'manifest.json', code: 'manifest_changed' });
      await flip('manifest.json', at);
    }
  });

  it('finds a file that is missing, cut, replaced by a link, or added', async () => {
    await rm(join(folder, 'output.json'));
    await truncate(join(folder, 'log.txt'), 3);
    await rm(join(folder, 'artifacts/a.txt'));
    await symlink(join(root, 'source'), join(folder, 'artifacts/a.txt'));
    await writeFile(join(folder, 'artifacts/added'), '');
    const { ok, problems } = await store.verify(trace.path, sha256);
    expect(ok).toBe(false);
    expect(problems.map(({ file, code }) => `${file} ${code}`).sort()).toEqual([
      'artifacts/a.txt missing',
      'artifacts/added unexpected',
      'log.txt changed',
      'output.json missing',
    ]);
  });

  it('says that the worker died when there is no manifest and none was stored', async () => {
    const died = await start();
    await died.event('claimed');
    await died.abandon();
    await writeFile(join(root, died.path, 'events.jsonl'), '{"torn', { flag: 'a' });
    expect(await store.verify(died.path, null)).toEqual({
      ok: false,
      complete: false,
      checked: 0,
      problems: [{ file: 'manifest.json', code: 'incomplete', message: expect.any(String) }],
    });
  });

  it('says that the manifest is gone when one was stored', async () => {
    await rm(join(folder, 'manifest.json'));
    expect((await store.verify(trace.path, sha256)).problems).toMatchObject([
      { file: 'manifest.json', code: 'missing' },
    ]);
  });

  it('checks the files also when the row never learnt the hash of the manifest', async () => {
    expect(await store.verify(trace.path, null)).toMatchObject({ ok: true, complete: true, checked: 5 });
    await flip('input.json', 3);
    expect(await store.verify(trace.path, null)).toMatchObject({
      ok: false,
      problems: [{ file: 'input.json' }],
    });
  });

  it('never fails on a manifest that somebody made up', async () => {
    for (const content of [
      '[]',
      '{"files":[{"path":"../../x","size_bytes":1,"sha256":"y"}],"events":7}',
      '{"files":[null]}',
    ]) {
      await writeFile(join(folder, 'manifest.json'), content);
      expect(await store.verify(trace.path, sha256)).toMatchObject({
        ok: false,
        problems: expect.arrayContaining([expect.objectContaining({ code: 'manifest_changed' })]),
      });
    }
  });
});
