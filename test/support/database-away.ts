import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect } from '@jest/globals';
import { Fleet, SHORT_LEASE } from './fleet.js';
import { Load } from './load.js';
import { type PrivatePostgres, startPrivatePostgres } from './postgres.mjs';
import { processesOf } from './task-processes.js';
import { allEnded, eachOnce, until, watchExits } from './verdict.js';

/** Two APIs and two workers under load lose their PostgreSQL for a while. Defines hooks: call it inside a describe. */
export function databaseAway(): (seconds: number) => Promise<void> {
  let server: PrivatePostgres;
  let fleet: Fleet;
  beforeEach(async () => {
    server = await startPrivatePostgres();
    fleet = await Fleet.open(server.url, { ...SHORT_LEASE, JCT_SANDBOX: 'process' });
  });
  afterEach(async () => {
    await fleet?.close();
    await server?.stop();
  });

  return async (seconds) => {
    const apis = [await fleet.api(), await fleet.api()];
    const workers = [await fleet.worker(), await fleet.worker()];
    const exits = watchExits([...apis, ...workers]);
    const [{ api }] = apis;
    const script = 'echo "run $JCT_RUN"; [ "$JCT_RUN" != 1 ] || sleep 300';
    const endless = await api.accepted({ type: 'test', payload: { script } });
    await api.logged(endless, 'run 1');
    const load = new Load(
      apis.map((tower) => tower.api),
      () => ({ type: 'test', payload: { script: 'true' } }),
      4,
    );
    await until(() => load.acknowledged.size >= 20);

    // As a crash: nothing is flushed, every connection breaks.
    await server.halt('SIGQUIT');
    const back = performance.now() + seconds * 1_000;
    await until(async () => (await api.get('/readyz')).status === 503);
    await until(() => load.refused.length > 0);
    while (performance.now() < back) {
      for (const tower of apis) expect((await tower.api.get('/healthz')).status).toBe(200);
      await delay(250);
    }
    // By now no lease can be trusted any more: the workers have ended what ran.
    expect(processesOf(endless)).toEqual([]);
    expect(exits).toEqual([]);
    expect((await api.get('/readyz')).status).toBe(503);
    await server.start();

    for (const tower of apis) await until(async () => (await tower.api.get('/readyz')).status === 200);
    await load.stop();
    expect([...new Set(load.refused.map(({ status }) => status))]).toEqual([503]);
    for (const { retryAfter } of load.refused) expect(Number(retryAfter)).toBeGreaterThan(0);
    await allEnded(api, [...load.acknowledged, endless]);
    expect((await api.get(`/tasks/${endless}/runs`)).body.items).toMatchObject([
      { status: 'lost' },
      { status: 'completed' },
    ]);
    await eachOnce(server.url, load.acknowledged);
    expect(exits).toEqual([]);
  };
}
