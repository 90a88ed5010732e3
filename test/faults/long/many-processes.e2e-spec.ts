import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import type { ApiClient } from '../../support/api-client.js';
import { DATABASES, type TestDatabase } from '../../support/databases.js';
import { Fleet } from '../../support/fleet.js';
import { followLogs } from '../../support/log-stream.js';

const TASKS = 5_000;
const BATCH = 500;
const postgres = DATABASES.find(({ name }) => name === 'PostgreSQL')!;
const quick = { type: 'test', payload: { script: 'true' } };

describe('three API processes and four workers on one PostgreSQL', () => {
  let database: TestDatabase;
  let fleet: Fleet;
  let apis: ApiClient[];

  beforeAll(async () => {
    database = await postgres.create();
    // Plain processes: what is tested here is who runs what, and a sandbox would only take its time 5,000 times.
    fleet = await Fleet.open(database.url, { JCT_SANDBOX: 'process' });
    apis = [];
    for (let count = 0; count < 3; count += 1) apis.push((await fleet.api()).api);
    await Promise.all(Array.from({ length: 4 }, () => fleet.worker()));
  }, 60_000);
  afterAll(async () => {
    await fleet?.close();
    await database?.drop();
  });

  it('F13 run 5,000 tasks, each once', async () => {
    const ids: string[] = [];
    for (let from = 0; from < TASKS; from += BATCH) {
      const tasks = Array.from({ length: BATCH }, () => quick);
      const answer = await apis[(from / BATCH) % apis.length].post('/tasks/enqueue/batch', { tasks });
      for (const item of answer.body.items) ids.push(item.task_id as string);
    }
    expect(new Set(ids).size).toBe(TASKS);
    for (const [index, id] of ids.entries()) {
      expect(await apis[index % apis.length].ended(id)).toMatchObject({ status: 'completed', attempt: 1 });
    }
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    const { rows } = await client.query(
      `SELECT count(*)::int AS runs, count(DISTINCT task_id)::int AS tasks,
         count(DISTINCT worker_id)::int AS workers FROM task_runs`,
    );
    await client.end();
    expect(rows).toEqual([{ runs: TASKS, tasks: TASKS, workers: 4 }]);
    const root = join(fleet.folder, 'traces');
    const folders = readdirSync(root).flatMap((day) =>
      readdirSync(join(root, day)).map((task) => readdirSync(join(root, day, task))),
    );
    expect(folders).toHaveLength(TASKS);
    expect(folders.filter((runs) => runs.join() !== 'run-1')).toEqual([]);
  }, 900_000);

  it('stream, wait for, explain and cancel a task from an API that did not take it, while it runs elsewhere', async () => {
    const [first, second, third] = apis;
    const id = await first.accepted({
      type: 'test',
      payload: { script: 'echo one; sleep 1; echo two; sleep 300' },
    });
    const seen: { at: number; text: string }[] = [];
    for await (const { event, data } of followLogs(second.url, id)) {
      if (event === 'log') for (const text of data.split('\n')) seen.push({ at: performance.now(), text });
      if (seen.some(({ text }) => text.endsWith('out: two'))) break;
    }
    const at = (word: string): number => seen.find(({ text }) => text.endsWith(`out: ${word}`))!.at;
    // As it grew, not when it was over.
    expect(at('two') - at('one')).toBeGreaterThan(400);
    expect((await third.get(`/tasks/${id}/explain`)).body).toMatchObject({ status: 'running' });
    expect((await third.post(`/tasks/${id}/cancel`)).status).toBe(200);
    expect(await second.ended(id)).toMatchObject({ status: 'cancelled' });

    const key = { 'Idempotency-Key': 'asked of two' };
    const slow = { type: 'test', payload: { script: 'sleep 1' } };
    await first.accepted(slow, key);
    const waited = await second.enqueue(slow, { ...key, Prefer: 'wait=30' });
    expect(waited.body).toMatchObject({ status: 'completed' });
  });
});
