import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ApiClient } from '../support/api-client.js';
import { DATABASES, type TestDatabase } from '../support/databases.js';
import { Fleet } from '../support/fleet.js';
import { processesOf } from '../support/task-processes.js';
import type { TowerProcess } from '../support/tower-process.js';

/** Deaf to SIGTERM, with a child that has left the session and one that holds its output. */
const STUBBORN = `trap '' TERM HUP INT
setsid sleep 300 &
sleep 300 &
echo started
while :; do sleep 1; done`;

/** One after the other; the last ones come while the worker is already giving back what it runs. */
const SIGNALS: NodeJS.Signals[][] = [
  ['SIGTERM', 'SIGTERM', 'SIGTERM'],
  ['SIGINT', 'SIGINT', 'SIGHUP'],
  ['SIGHUP', 'SIGTERM', 'SIGINT'],
];

describe('a worker with a grace of ten minutes that is told to stop three times', () => {
  let database: TestDatabase;
  let fleet: Fleet;
  let api: ApiClient;

  beforeAll(async () => {
    database = await DATABASES.find(({ name }) => name === 'PostgreSQL')!.create();
    fleet = await Fleet.open(database.url, { JCT_SHUTDOWN_GRACE_SECONDS: '600' });
    ({ api } = await fleet.api());
  });
  afterAll(async () => {
    await fleet?.close();
    await database?.drop();
  });

  /** Resolves when the worker has said so. */
  async function said(worker: TowerProcess, words: string): Promise<void> {
    let dead = false;
    void worker.ended.then(() => (dead = true));
    while (!worker.log.includes(words)) {
      if (dead) throw new Error(`It ended without saying '${words}':\n${worker.log}`);
      await delay(20);
    }
  }

  /** Two tasks in a worker of their own, which is sent the signals. @returns the tasks */
  async function stopped(signals: NodeJS.Signals[], queue: string): Promise<string[]> {
    const worker = await fleet.worker({ JCT_WORKER_QUEUES: queue });
    const task = { type: 'test', payload: { script: STUBBORN }, options: { queue } };
    const ids = [await api.accepted(task), await api.accepted(task)];
    for (const id of ids) await api.logged(id, 'started');
    const [first, second, third] = signals;
    worker.signal(first);
    await said(worker, `${first}: stopping`);
    await said(worker, '2 tasks run; they may finish');
    worker.signal(second);
    await said(worker, 'given back to the queue');
    worker.signal(third);
    expect(await worker.ended).toEqual({ code: 0, signal: null });
    return ids;
  }

  it('F11 by whatever signals gives its tasks back without waiting, ends with 0 and leaves no process', async () => {
    const ids = (await Promise.all(SIGNALS.map((signals, index) => stopped(signals, `q${index}`)))).flat();
    for (const id of ids) {
      expect(await api.task(id)).toMatchObject({ status: 'queued', attempt: 1 });
      expect((await api.get(`/tasks/${id}/runs`)).body.items).toMatchObject([
        { status: 'released', trace_complete: true },
      ]);
      expect((await api.get(`/tasks/${id}/trace/verify`)).body).toMatchObject({ ok: true });
      expect(processesOf(id)).toEqual([]);
    }
  }, 120_000);
});
