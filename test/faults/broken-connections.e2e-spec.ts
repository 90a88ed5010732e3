import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { DATABASES, type TestDatabase } from '../support/databases.js';
import { Fleet } from '../support/fleet.js';
import { Load } from '../support/load.js';
import { allEnded, eachOnce, until, watchExits } from '../support/verdict.js';

const postgres = DATABASES.find(({ name }) => name === 'PostgreSQL')!;
const OF_EACH_KIND = 5;

describe('connections that PostgreSQL ends under load', () => {
  let database: TestDatabase;
  let fleet: Fleet;
  let killer: pg.Client;

  beforeEach(async () => {
    database = await postgres.create();
    fleet = await Fleet.open(database.url, { JCT_SANDBOX: 'process' });
    killer = new pg.Client({ connectionString: database.url });
    await killer.connect();
  });
  afterEach(async () => {
    await fleet?.close();
    await killer?.end();
    await database?.drop();
  });

  /** Ends some connections of the tower that are in this state. @returns how many it was in time for */
  const end = async (application: string, state: string): Promise<number> => {
    const { rowCount } = await killer.query(
      `SELECT FROM (SELECT pid FROM pg_stat_activity
         WHERE datname = current_database() AND application_name = $1 AND state = $2 LIMIT 2) AS found
       WHERE pg_terminate_backend(pid)`,
      [application, state],
    );
    return rowCount!;
  };

  it('F18 idle, in a query and in a transaction end no process and lose no acknowledged task, and each is run once', async () => {
    const tower = await fleet.api();
    const worker = await fleet.worker();
    const exits = watchExits([tower, worker]);
    const load = new Load(
      [tower.api],
      () => ({
        type: 'test',
        payload: { script: 'true' },
        options: { concurrency_key: String(Math.random()) },
      }),
      3,
      200,
    );
    await until(() => load.acknowledged.size >= 10);
    for (const state of ['idle', 'active', 'idle in transaction']) {
      let ended = 0;
      await until(async () => (ended += await end('control-tower', state)) >= OF_EACH_KIND);
    }
    for (const application of ['control-tower-heartbeat', 'control-tower-signals'])
      await until(async () => (await end(application, 'idle')) > 0);
    const size = load.acknowledged.size;
    await until(() => load.acknowledged.size >= size + 10);
    await load.stop();
    // What was refused was refused for now, and the careful client had it in the end.
    for (const { status } of load.refused) expect(status).toBe(503);
    await allEnded(tower.api, load.acknowledged);
    await eachOnce(database.url, load.acknowledged);
    const reconnected = (): boolean =>
      [tower, worker].some(
        ({ log }) => log.split('Wake-ups between processes go through PostgreSQL').length > 2,
      );
    await until(async () => reconnected() || (await delay(50), false));
    expect(exits).toEqual([]);
  }, 120_000);
});
