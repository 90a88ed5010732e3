import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { JsonObject } from '../../src/common/json.js';
import { Scheduler } from '../../src/workflows/schedules/scheduler.js';
import { ScheduleEntity } from '../../src/workflows/schedules/schedule.entity.js';
import { onBothDatabases, type TestDatabase } from '../support/databases.js';
import { Tower } from '../support/tower.js';
import { towerDataSource } from '../support/tower-data-source.js';
import { runEnded } from '../support/workflow-runs.js';

const HOUR_MS = 3_600_000;
const task = { type: 'test', payload: { script: 'true' } };

onBothDatabases('schedules', (create) => {
  let database: TestDatabase;
  let tower: Tower;

  beforeAll(async () => {
    database = await create();
    // Nobody looks by the clock here: the test says when.
    tower = await Tower.start(database.url, { JCT_SANDBOX: 'process', JCT_POLL_INTERVAL_MS: '60000' });
  });
  afterAll(async () => {
    await tower?.stop();
    await database?.drop();
  });

  async function scheduled(name: string, schedule: JsonObject, more: JsonObject = {}): Promise<string> {
    const steps = [{ name: 'work', task }];
    const { status, body } = await tower.api.post('/workflows', {
      name,
      steps,
      schedules: [{ name: 'hourly', cron: '0 * * * *', ...schedule }],
      ...more,
    });
    if (status !== 201) throw new Error(JSON.stringify(body));
    return `${name}.hourly`;
  }

  /** As if nobody had looked for some hours, which end now. @returns the last full hour */
  async function sleep(name: string, hours: number): Promise<number> {
    const dataSource = await towerDataSource(database.url, false);
    const last = Math.floor(Date.now() / HOUR_MS) * HOUR_MS;
    const decidedUntil = new Date(last - hours * HOUR_MS);
    await dataSource.manager.update(
      ScheduleEntity,
      { name },
      { decidedUntil, nextFireAt: new Date(decidedUntil.getTime() + HOUR_MS) },
    );
    await dataSource.destroy();
    return last;
  }

  async function decisions(name: string): Promise<JsonObject[]> {
    return (await tower.api.get(`/schedules/${name}/decisions`)).body.items as JsonObject[];
  }

  const look = (): Promise<void> => tower.app.get(Scheduler, { strict: false }).look();

  it('F37 record what became of every tick that was missed, and run the newest once', async () => {
    const name = await scheduled('asleep', {});
    const last = await sleep(name, 3);
    await Promise.all([look(), look(), look()]);
    const found = await decisions(name);
    const late = Date.now() - last > 60_000;
    expect(found.map(({ fire_at, outcome, kind }) => ({ fire_at, outcome, kind }))).toEqual([
      { fire_at: new Date(last).toISOString(), outcome: 'fired', kind: 'tick' },
      { fire_at: new Date(last - HOUR_MS).toISOString(), outcome: 'skipped_missed', kind: 'tick' },
      { fire_at: new Date(last - 2 * HOUR_MS).toISOString(), outcome: 'skipped_missed', kind: 'tick' },
    ]);
    expect(late || found.length === 3).toBe(true);
    expect(found[1]['reason']).toMatch(/missed.*the newest is run once/);
    const run = await runEnded(tower.api, found[0]['run_id'] as string);
    expect(run).toMatchObject({
      status: 'completed',
      trigger: 'schedule',
      requested_by: `schedule:${name}`,
      event: { type: 'workflow.schedule', data: { schedule: name, fire_at: new Date(last).toISOString() } },
    });
    const { body } = await tower.api.get(`/schedules/${name}`);
    expect(Date.parse(body.next_fire_at as string)).toBe(last + HOUR_MS);
    const page = await tower.api.get(`/schedules/${name}/decisions?limit=2`);
    const rest = await tower.api.get(`/schedules/${name}/decisions?limit=2&cursor=${page.body.next_cursor}`);
    expect([...page.body.items, ...rest.body.items]).toEqual(found);
    expect(rest.body.next_cursor).toBeNull();
  });

  it('skip a tick while the run before it goes on, or let it wait', async () => {
    const wait = { steps: [{ name: 'work', wait_for: { event: 'overlap.go' } }] };
    const skip = await scheduled('skipping', { missed: 'run_all', overlap: 'skip' }, wait);
    const queue = await scheduled('queueing', { missed: 'run_all', overlap: 'queue' }, wait);
    await sleep(skip, 2);
    await sleep(queue, 2);
    await look();
    expect((await decisions(skip)).map(({ outcome }) => outcome as string)).toEqual([
      'skipped_overlap',
      'fired',
    ]);
    const [second, first] = await decisions(queue);
    expect([second['outcome'], first['outcome']]).toEqual(['queued', 'fired']);
    const waiting = (await tower.api.get(`/workflow-runs/${second['run_id']}`)).body;
    expect(waiting).toMatchObject({ status: 'queued', concurrency_key: `schedule:${queue}` });
    for (const { run_id } of [first, second]) await tower.api.post(`/workflow-runs/${run_id}/cancel`);
    for (const { run_id } of [first, second]) await runEnded(tower.api, run_id as string);
  });

  it('say why a run could not begin', async () => {
    const name = await scheduled(
      'unable',
      { inputs: { n: 1 } },
      { inputs: { n: { type: 'integer' } }, concurrency_key: '${{ inputs.n > 0 ? event.data.nope : "" }}' },
    );
    await sleep(name, 1);
    await look();
    expect(await decisions(name)).toMatchObject([
      { outcome: 'refused', run_id: null, reason: expect.stringContaining('nope') },
    ]);
  });

  it('are backfilled: each tick of the past once, and not those that have started a run', async () => {
    const name = await scheduled('filled', { overlap: 'allow' });
    const last = await sleep(name, 2);
    await look();
    const range = { from: new Date(last - 4 * HOUR_MS).toISOString(), to: new Date(last).toISOString() };
    const { status, body } = await tower.api.post(`/schedules/${name}/backfill`, range);
    expect(status).toBe(200);
    expect(body.items.map(({ outcome }: JsonObject) => outcome as string)).toEqual([
      'fired',
      'fired',
      'fired',
      'fired',
      'refused',
    ]);
    expect(body.items[4].reason).toContain('before');
    const again = await tower.api.post(`/schedules/${name}/backfill`, range);
    expect(new Set(again.body.items.map(({ outcome }: JsonObject) => outcome as string))).toEqual(
      new Set(['refused']),
    );
    const runs = (await tower.api.get('/workflow-runs?workflow=filled')).body.items as JsonObject[];
    expect(runs.map(({ trigger }) => trigger as string).sort()).toEqual([
      ...Array<string>(4).fill('backfill'),
      'schedule',
    ]);
    for (const { run_id } of runs)
      expect((await runEnded(tower.api, run_id as string)).status).toBe('completed');
  });

  it('are backfilled within bounds only', async () => {
    const name = await scheduled('bounded', {});
    const at = (hours: number): string => new Date(Date.now() - hours * HOUR_MS).toISOString();
    const refused = async (from: string, to: string): Promise<string> => {
      const { body } = await tower.api.post(`/schedules/${name}/backfill`, { from, to });
      return `${body.status} ${(body.errors as JsonObject[]).map(({ pointer, code }) => `${code} ${pointer}`).join()}`;
    };
    expect(await refused(at(200), at(1))).toBe('422 BAD_RANGE /from');
    expect(await refused(at(1), at(2))).toBe('422 BAD_RANGE /to');
    expect(await refused(at(1), at(-2))).toBe('422 BAD_RANGE /to');
    expect((await tower.api.post(`/schedules/none/backfill`, { from: at(2), to: at(1) })).body.code).toBe(
      'SCHEDULE_NOT_FOUND',
    );
  });

  it('follow the newest version, and end with their workflow', async () => {
    const name = await scheduled('changing', {});
    const replaced = (schedules: JsonObject[], more: JsonObject = {}) =>
      tower.api.post('/workflows?replace=true', {
        name: 'changing',
        steps: [{ name: 'work', task }],
        schedules,
        ...more,
      });
    await replaced([{ name: 'hourly', cron: '30 * * * *', time_zone: 'Asia/Kathmandu' }]);
    const { body } = await tower.api.get(`/schedules/${name}`);
    expect(body).toMatchObject({ cron: '30 * * * *', time_zone: 'Asia/Kathmandu' });
    // Kathmandu is 5 h 45 min ahead.
    expect(new Date(body.next_fire_at as string).getUTCMinutes()).toBe(45);
    await replaced([{ name: 'hourly', cron: '30 * * * *' }], { is_active: false });
    expect((await tower.api.get(`/schedules/${name}`)).body.next_fire_at).toBeNull();
    await replaced([]);
    expect((await tower.api.get(`/schedules/${name}`)).status).toBe(404);
  });
});
