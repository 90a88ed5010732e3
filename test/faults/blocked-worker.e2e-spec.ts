import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { withFaultyExecutor } from '../support/crash-points.js';
import { onBothDatabases, type TestDatabase } from '../support/databases.js';
import { Fleet, QUICK_LEASE } from '../support/fleet.js';
import { processesOf } from '../support/task-processes.js';
import type { TowerProcess } from '../support/tower-process.js';

onBothDatabases('a worker whose event loop is blocked', (create) => {
  let database: TestDatabase;
  let fleet: Fleet;

  beforeEach(async () => {
    database = await create();
    fleet = await Fleet.open(database.url, QUICK_LEASE);
  });
  afterEach(async () => {
    await fleet?.close();
    await database?.drop();
  });

  it('F09 for longer than its lease loses its tasks to another one, and what it reports later is refused', async () => {
    const queues = ['one', 'two'];
    const start = (queue: string): Promise<TowerProcess> =>
      fleet.worker({ ...withFaultyExecutor(), JCT_WORKER_QUEUES: queue });
    const [{ api }, ...blocked] = await Promise.all([fleet.api(), ...queues.map(start)]);
    const wake = join(fleet.folder, 'wake');
    const handIn = (queue: string, fault?: string): Promise<string> =>
      api.accepted({
        type: 'test',
        payload: {
          script: 'echo "run $JCT_RUN"; [ "$JCT_RUN" != 1 ] || sleep 300',
          ...(fault === undefined ? {} : { env: { TEST_FAULT: fault, TEST_UNTIL: wake } }),
        },
        options: { queue },
      });
    // A command that runs beside the task that blocks, one that blocks while it computes, one that does so at its end.
    const neighbour = await handIn('one');
    await api.logged(neighbour, 'run 1');
    const computing = await handIn('one', 'block');
    const sealing = await handIn('two', 'block_while_sealing');
    await api.logged(computing, 'run 1');
    await api.logged(sealing, 'run 1');
    const other = await fleet.worker({ JCT_WORKER_QUEUES: queues.join() });
    for (const id of [neighbour, computing, sealing]) {
      expect(await api.ended(id)).toMatchObject({ status: 'completed', attempt: 2 });
    }

    await writeFile(wake, '');
    const late = async (): Promise<number> => (await api.get('/tasks/stats')).body.late_results as number;
    while ((await late()) < 3);
    expect(processesOf(neighbour)).toEqual([]);
    const lateResults = { [neighbour]: /stopped|failed/, [computing]: /completed/, [sealing]: /completed/ };
    for (const [id, status] of Object.entries(lateResults)) {
      expect(await api.task(id)).toMatchObject({ status: 'completed', attempt: 2 });
      expect((await api.get(`/tasks/${id}/runs`)).body.items).toMatchObject([
        { status: 'lost', late_result: { status: expect.stringMatching(status) } },
        { status: 'completed', late_result: null },
      ]);
    }

    expect((await other.stop()).code).toBe(0);
    for (const [index, queue] of queues.entries()) {
      const next = await api.run({ type: 'test', payload: { script: 'true' }, options: { queue } });
      expect(next).toMatchObject({ status: 'completed', attempt: 1 });
      expect(next.worker_id).toContain(`:${blocked[index].pid}:`);
      expect((await blocked[index].stop()).code).toBe(0);
    }
  }, 120_000);
});
