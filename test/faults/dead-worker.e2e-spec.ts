import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { ApiClient } from '../support/api-client.js';
import { onBothDatabases, type TestDatabase } from '../support/databases.js';
import { Fleet, SHORT_LEASE } from '../support/fleet.js';
import { processesOf } from '../support/task-processes.js';

/** Goes on for ever in its first run, and ends at once in the next one. */
const ENDLESS_AT_FIRST = {
  type: 'test',
  payload: { script: 'echo "run $JCT_RUN"; [ "$JCT_RUN" != 1 ] || sleep 300' },
};

onBothDatabases('a worker that is no longer there', (create) => {
  let database: TestDatabase;
  let fleet: Fleet;
  let api: ApiClient;

  beforeEach(async () => {
    database = await create();
    fleet = await Fleet.open(database.url, SHORT_LEASE);
    ({ api } = await fleet.api());
  });
  afterEach(async () => {
    await fleet?.close();
    await database?.drop();
  });

  it('F03 has its task run by another one within 8 s of a kill -9, with a lease of 6 s', async () => {
    const first = await fleet.worker();
    const id = await api.accepted(ENDLESS_AT_FIRST);
    await api.logged(id, 'run 1');
    await fleet.worker();
    const killedAt = performance.now();
    await first.kill();
    await api.logged(id, 'run 2');
    const seconds = (performance.now() - killedAt) / 1_000;
    process.stdout.write(`F03 from kill -9 to the next run: ${seconds.toFixed(1)} s with a lease of 6 s\n`);
    expect(seconds).toBeLessThan(8);
    expect(await api.ended(id)).toMatchObject({ status: 'completed', attempt: 2 });
    expect((await api.get(`/tasks/${id}/trace?run=1`)).body.state).toBe('incomplete');
    expect(processesOf(id)).toEqual([]);
  });

  it('F03 leaves no process of a task that ends with it, not even without a sandbox that dies with its worker', async () => {
    const plain = { JCT_SANDBOX: 'process' };
    const first = await fleet.worker(plain);
    const id = await api.accepted({ type: 'test', payload: { script: 'sleep 300 & echo started; wait' } });
    await api.logged(id, 'started');
    await first.kill();
    // Nobody will run it again, and sweep before.
    expect((await api.post(`/tasks/${id}/cancel`)).status).toBe(200);
    expect(processesOf(id)).toContainEqual('sleep 300');
    await fleet.worker(plain);
    expect(await api.ended(id)).toMatchObject({ status: 'cancelled', attempt: 1 });
    while (processesOf(id).length > 0) await delay(50);
  });

  it('F08 that comes back after its lease kills its child, and its result is refused', async () => {
    const frozen = await fleet.worker();
    const id = await api.accepted(ENDLESS_AT_FIRST);
    await api.logged(id, 'run 1');
    frozen.signal('SIGSTOP');
    const other = await fleet.worker();
    expect(await api.ended(id)).toMatchObject({ status: 'completed', attempt: 2 });
    frozen.signal('SIGCONT');
    const late = async (): Promise<number> => (await api.get('/tasks/stats')).body.late_results as number;
    while ((await late()) === 0);
    expect(processesOf(id)).toEqual([]);
    const { items } = (await api.get(`/tasks/${id}/runs`)).body;
    expect(items).toMatchObject([
      { status: 'lost', late_result: { status: expect.stringMatching(/stopped|failed/) } },
      { status: 'completed', late_result: null },
    ]);
    expect(frozen.lines().map(({ message }) => message)).toContainEqual(expect.stringContaining('lease'));
    expect((await frozen.stop()).code).toBe(0);
    expect(await api.task(id)).toMatchObject({ status: 'completed', attempt: 2 });
    expect((await other.stop()).code).toBe(0);
  });
});
