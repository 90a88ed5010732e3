import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { ApiClient } from '../support/api-client.js';
import { toldToStopAt } from '../support/crash-points.js';
import { onBothDatabases, type TestDatabase } from '../support/databases.js';
import { processesOf } from '../support/task-processes.js';
import { TowerYard } from '../support/tower-process.js';

onBothDatabases('a tower that does not come to the end of its start', (create) => {
  let database: TestDatabase;
  let yard: TowerYard;
  let api: ApiClient;

  beforeAll(async () => {
    database = await create();
    yard = await TowerYard.open();
    ({ api } = await yard.start({ DATABASE_URL: database.url, JCT_ROLE: 'api' }));
  });
  afterAll(async () => {
    await yard?.close();
    await database?.drop();
  });

  const waiting = (queue: string): Promise<string> =>
    api.accepted({ type: 'test', payload: { script: 'sleep 300' }, options: { queue } });

  it('F11 because it is told to stop gives back what it has claimed by then, and ends with 0', async () => {
    const id = await waiting('stopped');
    const worker = yard.spawn({
      ...{ DATABASE_URL: database.url, JCT_ROLE: 'worker', JCT_WORKER_QUEUES: 'stopped' },
      ...toldToStopAt('after_claim'),
    });
    expect(await worker.ended).toEqual({ code: 0, signal: null });
    expect(await api.task(id)).toMatchObject({ status: 'queued', attempt: 1 });
    expect((await api.get(`/tasks/${id}/runs`)).body.items).toMatchObject([{ status: 'released' }]);
    expect(processesOf(id)).toEqual([]);
  });

  it('because its port is taken has claimed nothing', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    try {
      const id = await waiting('unopened');
      const { port } = taken.address() as AddressInfo;
      const tower = yard.spawn({
        DATABASE_URL: database.url,
        JCT_WORKER_QUEUES: 'unopened',
        API_PORT: String(port),
      });
      expect(await tower.ended).toEqual({ code: 1, signal: null });
      expect(tower.log).toContain('EADDRINUSE');
      expect(await api.task(id)).toMatchObject({ status: 'queued', attempt: 0 });
    } finally {
      taken.close();
    }
  });
});
