import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { DATABASES, type TestDatabase } from '../support/databases.js';
import { Fleet } from '../support/fleet.js';
import { PostgresProxy } from '../support/postgres-proxy.js';
import { SilentDatabase } from '../support/silent-database.js';
import { processesOf } from '../support/task-processes.js';
import { until } from '../support/verdict.js';

const LEASE = { JCT_LEASE_SECONDS: '12', JCT_HEARTBEAT_SECONDS: '2', JCT_REAP_INTERVAL_SECONDS: '1' };
const postgres = DATABASES.find(({ name }) => name === 'PostgreSQL')!;

describe('a network that swallows what is sent to PostgreSQL, and closes no connection', () => {
  let database: TestDatabase;
  let proxy: PostgresProxy;
  let fleet: Fleet;
  let direct: pg.Client;

  beforeEach(async () => {
    database = await postgres.create();
    proxy = await PostgresProxy.before(database.url);
    fleet = await Fleet.open(proxy.url, { ...LEASE, JCT_SANDBOX: 'process' });
    direct = new pg.Client({ connectionString: database.url });
    await direct.connect();
  });
  afterEach(async () => {
    await fleet?.close();
    await proxy?.close();
    await direct?.end();
    await database?.drop();
  });

  const leaseEnd = async (id: string): Promise<Date> => {
    const { rows } = await direct.query<{ lease_expires_at: Date }>(
      'SELECT lease_expires_at FROM tasks WHERE id = $1',
      [id],
    );
    return rows[0].lease_expires_at;
  };

  it('F20 costs no run its lease while new connections work; else every request is answered, what runs is stopped, and all recovers', async () => {
    const silent = await SilentDatabase.of(fleet);
    proxy.swallow();
    const before = await leaseEnd(silent.endless);
    await until(async () => (await leaseEnd(silent.endless)) > before);
    expect(processesOf(silent.endless)).not.toEqual([]);
    proxy.cut();
    await silent.isToldOf();
    proxy.mend();
    await silent.isFoundAgain();
    expect(await direct.query(`SELECT id FROM tasks WHERE status <> 'completed'`)).toMatchObject({
      rows: [],
    });
  }, 120_000);
});
