import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type TestDatabase, onBothDatabases } from '../support/databases.js';
import { followLogs } from '../support/log-stream.js';
import { type TowerProcess, TowerYard } from '../support/tower-process.js';

/** NUL, bytes that are no UTF-8, a coloured word, a progress bar, a bidi override, and what would end an event of SSE. */
const ODD = Buffer.from([
  ...Buffer.from('nul \0 invalid '),
  0xff,
  0xfe,
  0xc3,
  ...Buffer.from(' \x1b[31mred\x1b[0m 10%\r20%\r \u202etxt.exe \r\revent: end\rdata: {}\r\r done'),
]);
const octal = (bytes: Buffer): string =>
  [...bytes].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');

onBothDatabases('what a command writes', (create) => {
  let database: TestDatabase;
  let yard: TowerYard;
  let tower: TowerProcess;

  beforeAll(async () => {
    database = await create();
    yard = await TowerYard.open();
    tower = await yard.start({ DATABASE_URL: database.url });
  });
  afterAll(async () => {
    await yard?.close();
    await database?.drop();
  });

  it('F34 stands in log.txt byte for byte, and cannot break the database, the live log or the API', async () => {
    const { api } = tower;
    const script = [
      `printf '${octal(ODD)}\\n'`,
      // What a report and a check say is stored in the database.
      `printf '{"a":"x\\\\u0000y\\\\ud800 \\\\u001b[31m"}' > found.json`,
      `printf '<testsuite><testcase name="${octal(Buffer.from('\u202e \x7f'))}"><failure/></testcase></testsuite>' > r.xml`,
      `touch "$(printf 'name \\033[31m\\342\\200\\256')" "$(printf 'bytes \\377')"`,
    ].join('\n');
    const task = await api.run({
      type: 'test',
      payload: {
        script,
        reports: { junit: ['r.xml'] },
        artifacts: ['name*', 'bytes*'],
        checks: [{ json_equals: { file: 'found.json', pointer: '/a', value: 'z' } }],
      },
    });
    expect(task).toMatchObject({ status: 'failed', failure: { reason: 'check' } });
    const texts: string[] = [];
    JSON.stringify([task, (await api.get('/tasks')).body], (_, value: unknown) => {
      if (typeof value === 'string') texts.push(value);
      return value;
    });
    expect(texts.filter((text) => text.includes('\0') || !text.isWellFormed())).toEqual([]);
    const log = readFileSync(join(yard.folder, 'traces', task.trace_path as string, 'log.txt'));
    expect(log.includes(ODD)).toBe(true);
    const plain = await fetch(`${api.url}/tasks/${task.task_id}/logs`);
    expect(plain.headers.get('x-content-type-options')).toBe('nosniff');
    expect(Buffer.from(await plain.arrayBuffer())).toEqual(log);

    const events: { event: string; data: string }[] = [];
    for await (const part of followLogs(api.url, task.task_id as string)) events.push(part);
    expect(events.map(({ event }) => event).filter((event) => event !== 'log')).toEqual(['run', 'end']);
    expect(events.at(-1)).toMatchObject({ event: 'end', data: '{"status":"failed"}' });
    const shown = events.map(({ data }) => data).join('\n');
    expect(shown).toContain('event: end\ndata: {}');
    expect(shown.isWellFormed()).toBe(true);
    expect((await api.get(`/tasks/${task.task_id}/trace/verify`)).body.ok).toBe(true);
  });

  it('F34 as a gzip bomb is kept and given as it is, never inflated', async () => {
    const { api } = tower;
    const task = await api.run({
      type: 'build',
      payload: { script: 'head -c 50M /dev/zero | gzip -9 > bomb.gz', artifacts: ['bomb.gz'] },
    });
    expect(task).toMatchObject({ status: 'completed', result: { artifacts_total: 1 } });
    const [{ size_bytes: size, sha256 }] = task.result.artifacts as { size_bytes: number; sha256: string }[];
    expect(size).toBeLessThan(1_000_000);
    const answer = await fetch(`${api.url}/tasks/${task.task_id}/trace/files/artifacts/bomb.gz`);
    expect(answer.headers.get('content-encoding')).toBeNull();
    const bytes = Buffer.from(await answer.arrayBuffer());
    expect(bytes).toHaveLength(size);
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(sha256);
  });
});
