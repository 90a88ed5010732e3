import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ApiClient } from '../support/api-client.js';
import { DATABASES, type TestDatabase } from '../support/databases.js';
import { GitRepository } from '../support/git-repository.js';
import { followLogs, type LogEvent } from '../support/log-stream.js';
import { processesOf } from '../support/task-processes.js';
import { Tower } from '../support/tower.js';

const SECRET = 'sk-canary-4f0c9a7be21d';

let database: TestDatabase;
let tower: Tower;
let api: ApiClient;

beforeAll(async () => {
  database = await DATABASES[0].create();
  tower = await Tower.start(database.url, { OPENAI_API_KEY: SECRET });
  api = tower.api;
});
afterAll(async () => {
  await tower?.stop();
  await database?.drop();
});

const script = (text: string, changes: object = {}): object => ({
  type: 'test',
  payload: { script: text },
  ...changes,
});
const sha256 = (bytes: string | Buffer): string => createHash('sha256').update(bytes).digest('hex');

describe('a test task on a git repository', () => {
  let folder: string;
  let repository: GitRepository;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'jct-repository-'));
    repository = new GitRepository(folder);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const suite = (expected: number): Record<string, string> => ({
    'sum.js': 'exports.sum = (a, b) => a + b;\n',
    'sum.test.js': `const { test } = require('node:test');
      const assert = require('node:assert');
      const { sum } = require('./sum.js');
      test('adds', () => assert.equal(sum(1, 2), ${expected}));
      test('adds nothing', () => assert.equal(sum(0, 0), 0));
      test('is left out', { skip: true }, () => assert.fail());\n`,
  });
  const task = (ref: string): object => ({
    type: 'test',
    target: { repository: folder, ref },
    payload: {
      script: [
        'mkdir -p out && printf "built from %s" "$JCT_COMMIT" > out/app.txt',
        'node --test --test-reporter=spec --test-reporter-destination=stdout \\',
        '  --test-reporter=junit --test-reporter-destination=out/junit.xml',
      ].join('\n'),
      reports: { junit: ['out/*.xml'] },
      artifacts: ['out/**'],
      checks: [{ exit_code: 0 }, { file_exists: 'out/app.txt' }, { changed_only_under: 'out' }],
    },
  });

  it('runs the suite of the commit, counts its JUnit report and keeps artifacts under their SHA-256', async () => {
    const commit = repository.commit(suite(3));
    const ended = await api.run(task('main'));
    expect(ended).toMatchObject({ status: 'completed', failure: null, attempt: 1 });
    expect(ended.result).toMatchObject({
      exit_code: 0,
      commit,
      reports: { junit: { tests: 3, failures: 0, errors: 0, skipped: 1, failing: [] } },
    });
    expect(ended.result.checks.map(({ ok }: { ok: boolean }) => ok)).toEqual([true, true, true]);

    const { body: trace } = await api.get(`/tasks/${ended.task_id}/trace`);
    expect(trace).toMatchObject({ state: 'complete', run: 1, trace_path: ended.trace_path });
    expect(trace.manifest).toMatchObject({
      status: 'completed',
      repository: { repository: folder, ref: 'main', commit },
    });
    const built = `built from ${commit}`;
    expect(trace.manifest.files).toContainEqual({
      path: 'artifacts/out/app.txt',
      size_bytes: built.length,
      sha256: sha256(built),
    });
    const file = await api.get(`/tasks/${ended.task_id}/trace/files/artifacts/out/app.txt`);
    expect(file.body).toBe(built);
    expect(file.headers.get('content-disposition')).toMatch(/^attachment/);
    expect((await api.get(`/tasks/${ended.task_id}/trace/files/artifacts/out/junit.xml`)).body).toContain(
      '<testsuites>',
    );
  });

  it('fails with the names of the failing tests, and keeps report and artifacts all the same', async () => {
    const commit = repository.commit(suite(4));
    const ended = await api.run(task(commit));
    expect(ended).toMatchObject({ status: 'failed', failure: { reason: 'check' } });
    expect(ended.result).toMatchObject({ exit_code: 1, commit, artifacts_total: 2 });
    expect(ended.result.reports.junit).toMatchObject({
      tests: 3,
      failures: 1,
      failing: [expect.stringContaining('adds')],
    });
  });

  it('fails without a run of anything when the ref does not exist', async () => {
    const ended = await api.run(task('no-such-branch'));
    expect(ended).toMatchObject({ status: 'failed', failure: { reason: 'error' }, result: {} });
    expect(ended.error).toContain('no-such-branch');
  });
});

describe('a log', () => {
  const textOf = (events: LogEvent[]): string =>
    events
      .filter(({ event }) => event === 'log')
      .map(({ data }) => `${data}\n`)
      .join('');

  it('can be read whole, from an offset and by its last lines', async () => {
    const id = (await api.run(script('for i in 1 2 3 4 5; do echo "line $i ✓"; done; echo trouble >&2')))
      .task_id;
    const whole = await api.get(`/tasks/${id}/logs`);
    expect(whole.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(whole.body).toMatch(/^\[ +\d+\.\d{3}\] out: line 1 ✓$/m);
    expect(whole.body).toMatch(/\] err: trouble$/m);
    const bytes = Buffer.from(whole.body as string);
    expect(whole.headers.get('x-next-offset')).toBe(String(bytes.length));

    const rest = await api.get(`/tasks/${id}/logs?offset=40`);
    expect(rest.body).toBe(bytes.subarray(40).toString());
    expect((await api.get(`/tasks/${id}/logs?offset=${bytes.length}`)).body).toBe('');
    expect((await api.get(`/tasks/${id}/logs?offset=${bytes.length + 9}`)).status).toBe(200);
    const lines = (whole.body as string).split('\n');
    expect((await api.get(`/tasks/${id}/logs?tail=2`)).body).toBe(lines.slice(-3).join('\n'));
    expect((await api.get(`/tasks/${id}/logs?tail=2&offset=2`)).status).toBe(422);
    expect((await api.get(`/tasks/${id}/logs?run=2`)).body.code).toBe('RUN_NOT_FOUND');
  });

  it('arrives live, and resumes by Last-Event-ID without loss and without repetition', async () => {
    const id = await api.accepted(
      script('for i in $(seq 1 40); do printf "line %s ✓\\n" $i; sleep 0.04; done'),
    );
    const seen: LogEvent[] = [];
    let connections = 0;
    while (seen.at(-1)?.event !== 'end') {
      connections += 1;
      const last = seen.at(-1)?.id;
      let received = 0;
      for await (const event of followLogs(
        tower.url,
        id,
        last === undefined ? {} : { 'Last-Event-ID': last },
      )) {
        seen.push(event);
        if (seen.filter((each) => each.event === 'log').length === 1) {
          expect((await api.task(id)).status).toBe('running');
        }
        if (++received === 5) break; // hang up in the middle
      }
    }
    expect(connections).toBeGreaterThan(2);
    expect(seen.at(-1)!.data).toBe('{"status":"completed"}');
    const { body: whole } = await api.get(`/tasks/${id}/logs`);
    expect(textOf(seen)).toBe(whole);
    expect([...textOf(seen).matchAll(/line (\d+)/g)].map(([, number]) => Number(number))).toEqual(
      Array.from({ length: 40 }, (_, index) => index + 1),
    );
  });

  it('is followed over all runs of a task', async () => {
    const options = { retries: 1, retry_delay_seconds: 1 };
    const id = await api.accepted(script('echo "this is run $JCT_RUN"; [ "$JCT_RUN" = 2 ]', { options }));
    const events: LogEvent[] = [];
    for await (const event of followLogs(tower.url, id)) events.push(event);
    expect(events.filter(({ event }) => event === 'run').map(({ data }) => JSON.parse(data).run)).toEqual([
      1, 2,
    ]);
    expect(textOf(events)).toMatch(/this is run 1[\s\S]*this is run 2/);
    expect(events.at(-1)!.event).toBe('end');
    expect((await api.get(`/tasks/${id}/logs?run=1`)).body).toContain('this is run 1');
  });

  it('does not show the secrets of the tower, however the task came to them', async () => {
    const half = SECRET.length / 2;
    const ended = await api.run(
      script(`echo "key: ${SECRET.slice(0, half)}""${SECRET.slice(half)}" | tee leak.txt; exit 7`, {}),
    );
    expect(ended.failure.reason).toBe('exit_code');
    const { body: log } = await api.get(`/tasks/${ended.task_id}/logs`);
    expect(log).toContain('key: ***');
    expect(log).not.toContain(SECRET);
  });
});

describe('a trace', () => {
  const verify = async (id: string) => (await api.get(`/tasks/${id}/trace/verify`)).body;

  it('is complete and verified, whatever came of the run', async () => {
    for (const text of ['echo fine', 'exit 3']) {
      const { task_id: id } = await api.run(script(text));
      const { body: trace } = await api.get(`/tasks/${id}/trace`);
      expect(trace.state).toBe('complete');
      const files = ['events.jsonl', 'input.json', 'log.txt', 'output.json'];
      expect(trace.files.map(({ path }: { path: string }) => path)).toEqual(
        [...files, 'manifest.json'].sort(),
      );
      expect(trace.manifest.files.map(({ path }: { path: string }) => path).sort()).toEqual(files);
      expect(await verify(id)).toEqual({ ok: true, complete: true, checked: files.length + 1, problems: [] });
    }
  });

  it.each(['log.txt', 'output.json', 'input.json', 'events.jsonl', 'artifacts/kept.bin', 'manifest.json'])(
    'shows a single flipped bit in %s',
    async (name) => {
      const { task_id: id, trace_path: path } = await api.run(
        script('head -c 5000 /dev/zero > "$JCT_ARTIFACTS_DIR/kept.bin"; echo hello'),
      );
      expect((await verify(id)).ok).toBe(true);
      const file = join(tower.traceRoot, path, name);
      const bytes = readFileSync(file);
      bytes[Math.floor(bytes.length / 2)] ^= 1;
      writeFileSync(file, bytes);
      const found = await verify(id);
      expect(found.ok).toBe(false);
      const codes = { 'manifest.json': 'manifest_changed' } as Record<string, string>;
      expect(found.problems).toContainEqual(
        expect.objectContaining({ file: name, code: codes[name] ?? 'changed' }),
      );
    },
  );

  it('shows what was added and what was removed', async () => {
    const { task_id: id, trace_path: path } = await api.run(script('true'));
    writeFileSync(join(tower.traceRoot, path, 'artifacts.txt'), 'forged');
    await rm(join(tower.traceRoot, path, 'log.txt'));
    const { problems } = await verify(id);
    expect(problems.map(({ file, code }: { file: string; code: string }) => [file, code])).toEqual([
      ['log.txt', 'missing'],
      ['artifacts.txt', 'unexpected'],
    ]);
  });
});

describe('a run that must end', () => {
  const stubborn = [
    'setsid sleep 301 &',
    `setsid bash -c 'trap "" TERM INT HUP; while :; do sleep 302; done' &`,
    '(sleep 303 &)',
    `trap 'echo not me' TERM`,
    'echo started',
    'sleep 304; sleep 305',
  ].join('\n');

  const expectNothingLeft = async (id: string, reason: string): Promise<void> => {
    expect(processesOf(id)).toEqual([]);
    const { body: trace } = await api.get(`/tasks/${id}/trace`);
    expect(trace.state).toBe('complete');
    const output = JSON.parse((await api.get(`/tasks/${id}/trace/files/output.json`)).body as string);
    expect(output.failure.reason).toBe(reason);
    expect((await api.get(`/tasks/${id}/trace/verify`)).body.ok).toBe(true);
  };

  it('fails with timeout in good time and leaves no process, not even in sessions of their own', async () => {
    const startedAt = performance.now();
    const id = await api.accepted(script(stubborn, { options: { timeout_seconds: 2 } }));
    await api.logged(id, 'started');
    expect(processesOf(id).length).toBeGreaterThanOrEqual(4);
    const ended = await api.ended(id);
    expect(performance.now() - startedAt).toBeLessThan(15_000);
    expect(ended).toMatchObject({ status: 'failed', failure: { reason: 'timeout' }, attempt: 1 });
    await expectNothingLeft(id, 'timeout');
  });

  it('is cancelled on request with a complete trace and leaves no process; asking again changes nothing', async () => {
    const id = await api.accepted(script(stubborn));
    await api.logged(id, 'started');
    expect(processesOf(id).length).toBeGreaterThanOrEqual(4);
    const asked = await api.post(`/tasks/${id}/cancel`);
    expect(asked.status).toBe(200);
    expect(asked.body.cancel_requested_at).not.toBeNull();
    const ended = await api.ended(id);
    expect(ended).toMatchObject({ status: 'cancelled', failure: { reason: 'cancelled' } });
    await expectNothingLeft(id, 'cancelled');
    const again = await api.post(`/tasks/${id}/cancel`);
    expect({ status: again.status, body: again.body }).toEqual({ status: 200, body: ended });
  });

  it('leaves no background process behind when the script itself ends', async () => {
    const ended = await api.run(script('setsid sleep 306 & (sleep 307 &) ; echo bye'));
    expect(ended.status).toBe('completed');
    expect(processesOf(ended.task_id as string)).toEqual([]);
  });
});
