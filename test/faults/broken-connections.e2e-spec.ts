import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { DATABASES, type TestDatabase } from '../support/databases.js';
import { Fleet } from '../support/fleet.js';
import { Load } from '../support/load.js';
import { allEnded, eachOnce, until, watchExits } from '../support/verdict.js';

const postgres = DATABASES.find(({ name }) => name === 'PostgreSQL')!;
const OF_EACH_KIND = 5;
const END_SOME = `
  CREATE FUNCTION end_some(application text, wanted text, count integer) RETURNS integer LANGUAGE plpgsql AS $$
  DECLARE ended integer := 0;
  BEGIN
    FOR look IN 1..5000 LOOP
      PERFORM pg_stat_clear_snapshot();
      ended := ended + (SELECT count(*) FILTER (WHERE pg_terminate_backend(found.pid)) FROM (
        SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = application
          AND state = wanted LIMIT 1) AS found);
      EXIT WHEN ended >= count;
      PERFORM pg_sleep(0.001);
    END LOOP;
    RETURN ended;
  END $$`;

describe('connections that PostgreSQL ends under load', () => {
  let database: TestDatabase;
  let fleet: Fleet;
  let killer: pg.Client;

  beforeEach(async () => {
    database = await postgres.create();
    fleet = await Fleet.open(database.url, { JCT_SANDBOX: 'process' });
    killer = new pg.Client({ connectionString: database.url });
    await killer.connect();
    await killer.query(END_SOME);
  });
  afterEach(async () => {
    await fleet?.close();
    await killer?.end();
    await database?.drop();
  });

  /** Looks every millisecond, in the server, for connections of the tower in this state. @returns how many it ended */
  const end = async (application: string, state: string, count: number): Promise<number> => {
    const { rows } = await killer.query<{ ended: number }>('SELECT end_some($1, $2, $3) AS ended', [
      application,
      state,
      count,
    ]);
    return rows[0].ended;
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
      2,
      300,
    );
    await until(() => load.acknowledged.size >= 10);
    for (const state of ['idle', 'active', 'idle in transaction']) {
      let left = OF_EACH_KIND;
      await until(async () => (left -= await end('control-tower', state, left)) <= 0);
    }
    for (const application of ['control-tower-heartbeat', 'control-tower-signals'])
      await until(async () => (await end(application, 'idle', 1)) > 0);
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
    await until(reconnected);
    expect(exits).toEqual([]);
  }, 240_000);
});
