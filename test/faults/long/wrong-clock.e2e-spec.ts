import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { ApiClient } from '../../support/api-client.js';
import { DATABASES, type TestDatabase } from '../../support/databases.js';
import { fakeTime, withFakeTime } from '../../support/fake-time.js';
import { SHORT_LEASE } from '../../support/fleet.js';
import { type TowerProcess, TowerYard } from '../../support/tower-process.js';
import { until } from '../../support/until.js';

const ENVIRONMENT = { ...SHORT_LEASE, JCT_SANDBOX: 'process', JCT_POLL_INTERVAL_MS: '200' };

/** A command that goes on until it is let go, told by a file that every user can see. */
class Gate {
  readonly folder = mkdtempSync(join(tmpdir(), 'jct-gate-'));
  constructor() {
    chmodSync(this.folder, 0o755);
  }
  script(name: string): string {
    return `echo "run $JCT_RUN"; until [ -e ${join(this.folder, name)} ]; do sleep 0.1; done; echo let go`;
  }
  open(name: string): void {
    writeFileSync(join(this.folder, name), '');
  }
}

for (const { name, create } of DATABASES) {
  withFakeTime(`a tower on ${name} whose wall clock is set`, () => {
    let database: TestDatabase;
    let yard: TowerYard;
    let gate: Gate;
    beforeEach(async () => {
      database = await create();
      yard = await TowerYard.open();
      gate = new Gate();
    });
    afterEach(async () => {
      await yard?.close();
      await database?.drop();
      rmSync(gate.folder, { recursive: true });
    });

    it('F35 two hours forward and an hour back changes no timeout, no lease and no order, and a retry comes in time', async () => {
      const clock = fakeTime(join(yard.folder, 'clock'));
      const tower = await yard.start({ DATABASE_URL: database.url, ...ENVIRONMENT, ...clock.environment });
      const { api } = tower;
      const beats = beatsOf(api);
      const id = await api.accepted({ type: 'test', payload: { script: gate.script('one') } });
      await api.logged(id, 'run 1');
      clock.set('+2h');
      // More than a lease: the run would have been taken for lost by now, and its lease was renewed.
      await beats(5);
      expect(await api.task(id)).toMatchObject({ status: 'running', attempt: 1 });
      const again = { script: '[ "$JCT_RUN" != 1 ]' };
      expect(
        await api.run({ type: 'test', payload: again, options: { retries: 1, retry_delay_seconds: 1 } }),
      ).toMatchObject({ status: 'completed', attempt: 2 });
      const slow = {
        type: 'test',
        payload: { script: 'echo begun; sleep 300' },
        options: { timeout_seconds: 4 },
      };
      const stopped = await api.accepted(slow);
      await api.logged(stopped, 'begun');
      clock.set('+1h');
      await beats(2);
      expect(await api.ended(stopped)).toMatchObject({ status: 'failed', failure: { reason: 'timeout' } });
      gate.open('one');
      expect(await api.ended(id)).toMatchObject({ status: 'completed', attempt: 1 });

      for (const [each, ms] of [
        [id, 1],
        [stopped, 4_000],
      ] as const) {
        const { trace_path: path } = await api.task(each);
        const file = (of: string): string =>
          readFileSync(join(yard.folder, 'traces', path as string, of), 'utf8');
        const { duration_ms: duration } = JSON.parse(file('output.json'));
        expect(duration).toBeGreaterThanOrEqual(ms);
        expect(duration).toBeLessThan(60_000);
        const times = file('events.jsonl')
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line).at as string);
        expect(times).toEqual(times.toSorted());
        expect((await api.get(`/tasks/${each}/trace/verify`)).body.ok).toBe(true);
      }
      const said = tower
        .lines()
        .filter(({ context }) => context === 'Clock')
        .map(({ message }) => message);
      expect(said).toContainEqual(
        expect.stringMatching(
          name === 'SQLite' ? /went 7[12]\d\d\.\d s forward/ : /is 7[12]\d\d\.\d s ahead of/,
        ),
      );
      expect((await api.get('/readyz')).status).toBe(200);
    });
  });
}

withFakeTime('a worker whose clock is ten minutes ahead of its PostgreSQL', () => {
  let database: TestDatabase;
  let yard: TowerYard;
  let gate: Gate;
  beforeEach(async () => {
    database = await DATABASES[1].create();
    yard = await TowerYard.open();
    gate = new Gate();
  });
  afterEach(async () => {
    await yard?.close();
    await database?.drop();
    rmSync(gate.folder, { recursive: true });
  });

  it('F36 takes nothing from others, loses nothing to them, warns, and is told by /status', async () => {
    const clock = fakeTime(join(yard.folder, 'clock'));
    clock.set('+10m');
    const environment = { DATABASE_URL: database.url, ...ENVIRONMENT, JCT_WORKER_CONCURRENCY: '1' };
    const { api } = await yard.start({ ...environment, JCT_ROLE: 'api' });
    const right = await yard.start({ ...environment, JCT_ROLE: 'worker' });
    const ofRight = await api.accepted({ type: 'test', payload: { script: gate.script('right') } });
    await api.logged(ofRight, 'run 1');
    const ahead = await yard.start({ ...environment, JCT_ROLE: 'worker', ...clock.environment });
    const ofAhead = await api.accepted({ type: 'test', payload: { script: gate.script('ahead') } });
    await api.logged(ofAhead, 'run 1');
    await beatsOf(api)(5);
    const skews = (await workersOf(api)).map(({ pid, clock_skew_seconds: skew }) => [
      pid,
      Math.round(skew / 60),
    ]);
    expect(Object.fromEntries(skews)).toEqual({ [right.pid]: 0, [ahead.pid]: 10 });
    const warnings = (tower: TowerProcess): string[] =>
      tower
        .lines()
        .filter(({ context }) => context === 'Clock')
        .map(({ message }) => message);
    expect(warnings(ahead)).toEqual([
      expect.stringMatching(/is (599|600|601)\.\d s ahead of that of the database/),
    ]);
    expect(warnings(right)).toEqual([]);
    expect((await api.get('/readyz')).status).toBe(200);
    for (const id of [ofRight, ofAhead])
      expect(await api.task(id)).toMatchObject({ status: 'running', attempt: 1 });

    // A lease is as long as the database says: when its worker dies, another one has the task.
    await ahead.kill();
    gate.open('right');
    expect(await api.ended(ofRight)).toMatchObject({ status: 'completed', attempt: 1 });
    await api.logged(ofAhead, 'run 2');
    gate.open('ahead');
    expect(await api.ended(ofAhead)).toMatchObject({ status: 'completed', attempt: 2 });
  });
});

interface Worker {
  pid: number;
  heartbeat_at: string;
  clock_skew_seconds: number;
}

async function workersOf(api: ApiClient): Promise<Worker[]> {
  return (await api.get('/status')).body.workers as Worker[];
}

/** Waits until the newest worker has said so many times more that it lives, each after a renewal of its leases was due. */
function beatsOf(api: ApiClient): (count: number) => Promise<void> {
  return async (count) => {
    const seen = new Set<string>();
    await until(async () => {
      const newest = (await workersOf(api)).at(-1);
      if (newest !== undefined) seen.add(newest.heartbeat_at);
      return seen.size > count;
    });
  };
}
