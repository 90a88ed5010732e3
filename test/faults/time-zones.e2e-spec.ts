import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { DATABASES, onBothDatabases, type TestDatabase } from '../support/databases.js';
import { fakeTime, withFakeTime } from '../support/fake-time.js';
import { type TowerProcess, TowerYard } from '../support/tower-process.js';

const NEW_YORK = { TZ: 'America/New_York', JCT_SANDBOX: 'process' };
const run = { type: 'test', payload: { script: 'true' } };

onBothDatabases('a tower in a time zone with summer time', (create) => {
  let database: TestDatabase;
  let yard: TowerYard;
  let tower: TowerProcess;
  beforeEach(async () => {
    database = await create();
    yard = await TowerYard.open();
    tower = await yard.start({ DATABASE_URL: database.url, ...NEW_YORK });
  });
  afterEach(async () => {
    await yard?.close();
    await database?.drop();
  });

  it('F37 keeps and gives every time in UTC, also one that its own clocks skip or show twice, and a leap day', async () => {
    const { api } = tower;
    for (const [given, kept] of [
      ['2032-03-14T02:30:00-05:00', '2032-03-14T07:30:00.000Z'],
      ['2032-11-07T01:30:00-04:00', '2032-11-07T05:30:00.000Z'],
      ['2032-11-07T01:30:00-05:00', '2032-11-07T06:30:00.000Z'],
      ['2032-02-29T23:59:59.999-05:00', '2032-03-01T04:59:59.999Z'],
      ['2032-02-29T12:00:00Z', '2032-02-29T12:00:00.000Z'],
    ]) {
      const id = await api.accepted({ ...run, options: { run_at: given } });
      expect((await api.task(id)).run_at).toBe(kept);
    }
    const before = Date.now();
    const { created_at: createdAt, started_at: startedAt, completed_at: completedAt } = await api.run(run);
    for (const at of [createdAt, startedAt, completedAt] as string[]) {
      expect(at).toMatch(/Z$/);
      expect(Math.abs(Date.parse(at) - before)).toBeLessThan(120_000);
    }
  });
});

withFakeTime('a tower that works in the night after a leap day', () => {
  let database: TestDatabase;
  let yard: TowerYard;
  beforeEach(async () => {
    database = await DATABASES[0].create();
    yard = await TowerYard.open();
  });
  afterEach(async () => {
    await yard?.close();
    await database?.drop();
  });

  it('F37 files each trace under the UTC day, whatever day it is on its own clocks', async () => {
    const clock = fakeTime(join(yard.folder, 'clock'));
    const setTo = (now: string): void => clock.set(`+${Math.round((Date.parse(now) - Date.now()) / 1_000)}`);
    setTo('2028-02-29T22:00:00Z');
    const { api } = await yard.start({ DATABASE_URL: database.url, ...NEW_YORK, ...clock.environment });
    for (const [now, day] of [
      ['2028-02-29T23:10:00Z', '2028-02-29'],
      // Still the 29th in New York.
      ['2028-03-01T03:10:00Z', '2028-03-01'],
      // In the hour that New York does not have.
      ['2028-03-12T07:30:00Z', '2028-03-12'],
    ]) {
      setTo(now);
      const task = await api.run(run);
      expect(task).toMatchObject({ status: 'completed' });
      expect(task.trace_path).toMatch(new RegExp(`^${day}/`));
      expect(task.created_at).toMatch(new RegExp(`^${now.slice(0, 13)}:.*Z$`));
      expect((await api.get(`/tasks/${task.task_id}/trace/verify`)).body.ok).toBe(true);
    }
  });
});
