import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect } from '@jest/globals';
import { SqliteConnection } from '../../src/database/sqlite-connection.js';
import type { Answer, ApiClient } from './api-client.js';
import { DATABASES, type TestDatabase } from './databases.js';
import { Fleet } from './fleet.js';
import type { TowerProcess } from './tower-process.js';
import { until } from './verdict.js';

const sqlite = DATABASES.find(({ name }) => name === 'SQLite')!;
const QUICK = { type: 'test', payload: { script: 'true' } };
const REQUESTS = 20;

/** A tower on SQLite while another process holds the write lock. Defines hooks: call it inside a describe. */
export function lockedSqlite(): (seconds: number) => Promise<void> {
  let database: TestDatabase;
  let fleet: Fleet;
  let tower: TowerProcess;
  beforeEach(async () => {
    database = await sqlite.create();
    fleet = await Fleet.open(database.url, { JCT_SANDBOX: 'process' });
    tower = await fleet.api({ JCT_ROLE: 'all' });
  });
  afterEach(async () => {
    await fleet?.close();
    await database?.drop();
  });

  return async (seconds) => {
    const { api } = tower;
    const endsMeanwhile = await api.accepted({ type: 'test', payload: { script: 'echo begun; sleep 1' } });
    await api.logged(endsMeanwhile, 'begun');
    // This process is the other one.
    const other = new SqliteConnection(database.url.replace('sqlite:///', ''));
    other.prepare('BEGIN IMMEDIATE').run();
    const held = delay(seconds * 1_000);

    await allRefused(api);
    await held;
    const said = (text: string): boolean => tower.lines().some(({ message }) => message.startsWith(text));
    await until(() => said('worker-poll fails'));
    other.prepare('ROLLBACK').run();
    other.close();

    await until(async () => (await api.get('/readyz')).status === 200);
    expect(await api.run(QUICK)).toMatchObject({ status: 'completed', attempt: 1 });
    expect(await api.ended(endsMeanwhile)).toMatchObject({ status: 'completed', attempt: 1 });
    await until(() => said('worker-poll works again'));
  };
}

/** Each waits, then is told to come again; while they wait, the process answers whatever needs no database. */
async function allRefused(api: ApiClient): Promise<void> {
  const order: string[] = [];
  const refused = Array.from({ length: REQUESTS }, async (): Promise<Answer> => {
    const answer = await api.enqueue(QUICK);
    order.push('refused');
    return answer;
  });
  for (let times = 0; times < 50; times += 1) {
    expect((await api.get('/healthz')).status).toBe(200);
    order.push('healthy');
  }
  expect((await api.get('/readyz')).status).toBe(503);
  for (const { status, headers } of await Promise.all(refused)) {
    expect(status).toBe(503);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
  }
  expect(order.slice(0, 50)).toEqual(Array<string>(50).fill('healthy'));
}
