import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { JsonObject } from '../../src/common/json.js';
import { onBothDatabases, type TestDatabase } from '../support/databases.js';
import { Fleet, SHORT_LEASE } from '../support/fleet.js';
import { towerDataSource } from '../support/tower-data-source.js';

const SCHEDULES = 20;
const TICKS_EACH = 3;
const MINUTE_MS = 60_000;

onBothDatabases('schedules with three workers', (create) => {
  let database: TestDatabase;
  let fleet: Fleet;
  beforeEach(async () => {
    database = await create();
    fleet = await Fleet.open(database.url, { ...SHORT_LEASE, JCT_POLL_INTERVAL_MS: '100' });
  });
  afterEach(async () => {
    await fleet?.close();
    await database?.drop();
  });

  it('F37 fire each of 60 ticks that come at once exactly once, also when one of them is killed meanwhile', async () => {
    const { api } = await fleet.api();
    const { status } = await api.post('/workflows', {
      name: 'ticking',
      steps: [{ name: 'tick', wait_until: { seconds: 1 } }],
      schedules: Array.from({ length: SCHEDULES }, (_, index) => ({
        name: `s${index}`,
        cron: '* * * * *',
        missed: 'run_all',
        overlap: 'allow',
      })),
    });
    expect(status).toBe(201);
    const dataSource = await towerDataSource(database.url, false);
    // As if the clock had gone on by three minutes while nobody looked.
    const minute = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS;
    const decidedUntil = new Date(minute - TICKS_EACH * MINUTE_MS);
    const nextFireAt = new Date(decidedUntil.getTime() + MINUTE_MS);
    await dataSource
      .createQueryBuilder()
      .update('ScheduleEntity')
      .set({ decidedUntil, nextFireAt })
      .execute();
    const workers = await Promise.all([fleet.worker(), fleet.worker(), fleet.worker()]);
    const decisions = (): Promise<JsonObject[]> =>
      dataSource.query(`SELECT schedule_id, fire_at, outcome, run_id FROM schedule_decisions`);
    while ((await decisions()).length === 0) await delay(5);
    await workers[0].kill();
    const wanted = SCHEDULES * TICKS_EACH;
    const until = minute + 1;
    const due = async (): Promise<JsonObject[]> =>
      (await decisions()).filter(({ fire_at }) => timeOf(fire_at) < until);
    while ((await due()).length < wanted) await delay(50);
    const fired = await due();
    expect(fired).toHaveLength(wanted);
    expect(new Set(fired.map(({ outcome }) => outcome as string))).toEqual(new Set(['fired']));
    expect(new Set(fired.map(({ run_id }) => run_id as string)).size).toBe(wanted);
    const ticks = new Set(fired.map((each) => `${each['schedule_id']} ${timeOf(each['fire_at'])}`));
    expect(ticks.size).toBe(wanted);
    const runs = (): Promise<JsonObject[]> =>
      dataSource.query(`SELECT id, status FROM workflow_runs WHERE idempotency_key LIKE 'schedule:%'`);
    const own = new Set(fired.map(({ run_id }) => run_id as string));
    const open = async (): Promise<number> =>
      (await runs()).filter(({ id, status: state }) => own.has(id as string) && state !== 'completed').length;
    while ((await open()) > 0) await delay(100);
    await dataSource.destroy();
  }, 120_000);
});

function timeOf(value: unknown): number {
  return value instanceof Date ? value.getTime() : Date.parse(`${String(value).replace(' ', 'T')}Z`);
}
