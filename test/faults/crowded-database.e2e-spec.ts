import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { Fleet, SHORT_LEASE } from '../support/fleet.js';
import { type PrivatePostgres, startPrivatePostgres } from '../support/postgres.mjs';
import type { TowerProcess } from '../support/tower-process.js';
import { until, watchExits } from '../support/verdict.js';

const CONNECTIONS = 18;
const QUICK = { type: 'test', payload: { script: 'true' } };

describe('a PostgreSQL that takes no more connections, and a tower whose pool is held by waiting requests', () => {
  let server: PrivatePostgres;
  let fleet: Fleet;
  let tower: TowerProcess;
  let watcher: pg.Client;
  const crowd: pg.Client[] = [];

  const connect = async (): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: server.url });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  };

  beforeEach(async () => {
    server = await startPrivatePostgres({
      settings: [`max_connections=${CONNECTIONS}`, 'superuser_reserved_connections=0'],
    });
    fleet = await Fleet.open(server.url, { ...SHORT_LEASE, JCT_SANDBOX: 'process' });
    tower = await fleet.api({ JCT_ROLE: 'all' });
    watcher = await connect();
  });
  afterEach(async () => {
    await fleet?.close();
    for (const client of [watcher, ...crowd.splice(0)]) await client?.end();
    await server?.stop();
  });

  const leaseEnd = async (id: string): Promise<Date> => {
    const { rows } = await watcher.query<{ lease_expires_at: Date }>(
      'SELECT lease_expires_at FROM tasks WHERE id = $1',
      [id],
    );
    return rows[0].lease_expires_at;
  };

  /** Takes every connection that is left; more of them as the tower's pool lets go of its own. */
  const takeTheRest = async (): Promise<void> => {
    for (;;) {
      try {
        crowd.push(await connect());
      } catch (error) {
        return expect((error as { code?: string }).code).toBe('53300');
      }
    }
  };

  it('F22 has no run lose its lease, and answers every request: 503 while there is no connection', async () => {
    const { api } = tower;
    const exits = watchExits([tower]);
    const long = await api.accepted({ type: 'test', payload: { script: 'echo begun; sleep 300' } });
    await api.logged(long, 'begun');
    await watcher.query(`SELECT pg_advisory_lock(hashtextextended('held', 0))`);
    await takeTheRest();
    const before = await leaseEnd(long);
    // Each waits for the lock with a connection of the pool in its hands, until PostgreSQL ends the wait.
    const held = { ...QUICK, options: { concurrency_key: 'held' } };
    const answers: { status: number; retryAfter: string | null }[] = [];
    let crowded = true;
    const clients = Array.from({ length: 30 }, async () => {
      while (crowded) {
        const { status, headers } = await api.enqueue(held);
        answers.push({ status, retryAfter: headers.get('retry-after') });
      }
    });
    const leaseMs = Number(SHORT_LEASE.JCT_LEASE_SECONDS) * 1_000;
    await until(async () => {
      await takeTheRest();
      expect((await api.get('/healthz')).status).toBe(200);
      return (await leaseEnd(long)).getTime() > before.getTime() + 2 * leaseMs;
    });
    crowded = false;
    await Promise.all(clients);
    expect([...new Set(answers.map(({ status }) => status))]).toEqual([503]);
    for (const { retryAfter } of answers) expect(Number(retryAfter)).toBeGreaterThan(0);

    await watcher.query('SELECT pg_advisory_unlock_all()');
    for (const client of crowd.splice(0)) await client.end();
    await until(async () => (await api.get('/readyz')).status === 200);
    expect(await api.task(long)).toMatchObject({ status: 'running', attempt: 1 });
    expect((await api.post(`/tasks/${long}/cancel`)).status).toBe(200);
    expect(await api.ended(long)).toMatchObject({ status: 'cancelled', attempt: 1 });
    expect(await api.run(held)).toMatchObject({ status: 'completed' });
    expect(exits).toEqual([]);
  }, 120_000);
});
