import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import pg from 'pg';
import { SHORT_LEASE } from '../../support/fleet.js';
import { Load } from '../../support/load.js';
import { type PrivatePostgres, startPrivatePostgres } from '../../support/postgres.mjs';
import { onSmallDisks, SmallDisk } from '../../support/small-disk.js';
import { type TowerProcess, TowerYard } from '../../support/tower-process.js';
import { until } from '../../support/until.js';

onSmallDisks('a PostgreSQL on a full disk', () => {
  let disk: SmallDisk;
  let server: PrivatePostgres;
  let yard: TowerYard;
  let tower: TowerProcess;
  let load: Load | undefined;

  beforeEach(async () => {
    disk = SmallDisk.mount('size=160m,mode=755');
    server = await startPrivatePostgres({ parent: disk.path });
    yard = await TowerYard.open();
    tower = await yard.start({ ...SHORT_LEASE, JCT_SANDBOX: 'process', DATABASE_URL: server.url });
  });
  afterEach(async () => {
    load?.abandon();
    await yard?.close();
    await server?.stop();
    disk?.unmount();
  });

  it('F30 answers 503, is read, loses nothing that it acknowledged, and goes on by itself when there is space', async () => {
    const { api } = tower;
    // Rows that no compression makes small: the table must grow, long before its log does.
    const script = (): string => `true # ${randomBytes(6_000).toString('base64')}`;
    const going = (load = new Load([api], () => ({ type: 'test', payload: { script: script() } }), 2));
    await until(() => going.acknowledged.size >= 10);
    disk.fill();
    await until(() => going.refused.length >= 5);
    expect((await api.get('/healthz')).status).toBe(200);
    expect((await api.get('/tasks')).status).toBe(200);
    expect(await api.task([...going.acknowledged][0])).toMatchObject({ type: 'test' });

    disk.free();
    const before = going.acknowledged.size;
    await until(() => going.acknowledged.size > before + 5);
    await going.stop();
    expect([...new Set(going.refused.map(({ status }) => status))]).toEqual([503]);
    for (const { retryAfter } of going.refused) expect(Number(retryAfter)).toBeGreaterThan(0);
    for (const id of going.acknowledged) {
      expect(await api.ended(id)).toMatchObject({ task_id: id, status: 'completed' });
    }
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    const { rows } = await client.query('SELECT count(*)::int AS tasks FROM tasks');
    await client.end();
    expect(rows).toEqual([{ tasks: going.acknowledged.size }]);
    expect((await api.get('/readyz')).status).toBe(200);
  }, 90_000);
});
