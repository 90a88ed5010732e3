import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { ApiClient } from '../support/api-client.js';
import { SHORT_LEASE } from '../support/fleet.js';
import { Load } from '../support/load.js';
import { onSmallDisks, SmallDisk } from '../support/small-disk.js';
import { type TowerProcess, TowerYard } from '../support/tower-process.js';
import { until } from '../support/until.js';

onSmallDisks('a SQLite database on a full disk', () => {
  let disk: SmallDisk;
  let yard: TowerYard;
  let tower: TowerProcess;
  let api: ApiClient;
  let running: Load | undefined;

  beforeEach(async () => {
    disk = SmallDisk.mount('size=16m');
    yard = await TowerYard.open();
    tower = await yard.start({
      ...SHORT_LEASE,
      JCT_SANDBOX: 'process',
      JCT_POLL_INTERVAL_MS: '200',
      DATABASE_URL: `sqlite:///${join(disk.path, 'tower.db')}`,
    });
    ({ api } = tower);
  });
  afterEach(async () => {
    running?.abandon();
    await yard?.close();
    disk?.unmount();
  });

  it('F30 answers 503, is read, loses nothing that it acknowledged, and goes on by itself when there is space', async () => {
    const endless = await api.accepted({
      type: 'test',
      payload: { script: 'echo "run $JCT_RUN"; [ "$JCT_RUN" != 1 ] || sleep 300' },
    });
    await api.logged(endless, 'run 1');
    const load = (running = new Load([api], () => ({ type: 'test', payload: { script: 'true' } }), 4));
    await until(() => load.acknowledged.size >= 20);
    // The log of SQLite has room of its own: only when that is used up as well does anybody notice.
    await until(() => {
      disk.fill();
      return load.refused.length >= 20;
    });
    // By now the lease of the endless run could not be renewed: the worker has ended it.
    await until(() => tower.log.includes('the lease could not be renewed in time'));
    expect((await api.get('/healthz')).status).toBe(200);
    expect((await api.get('/readyz')).body.checks.database.status).toBe('up');
    expect((await api.get('/tasks')).status).toBe(200);
    expect(await api.task([...load.acknowledged][0])).toMatchObject({ type: 'test' });

    disk.free();
    const refused = load.refused.length;
    const acknowledged = load.acknowledged.size;
    await until(() => load.acknowledged.size > acknowledged + 20);
    await load.stop();
    expect(refused).toBeGreaterThan(0);
    expect([...new Set(load.refused.map(({ status }) => status))]).toEqual([503]);
    for (const { retryAfter } of load.refused) expect(Number(retryAfter)).toBeGreaterThan(0);
    for (const id of [...load.acknowledged, endless]) {
      expect(await api.ended(id)).toMatchObject({ task_id: id, status: 'completed' });
    }
    expect((await api.get('/readyz')).status).toBe(200);
    expect((await tower.stop()).code).toBe(0);
    const database = new DatabaseSync(join(disk.path, 'tower.db'));
    expect(database.prepare('PRAGMA integrity_check').all()).toMatchObject([{ integrity_check: 'ok' }]);
    const { count } = database.prepare('SELECT count(*) AS count FROM tasks').get() as { count: number };
    database.close();
    expect(count).toBe(load.acknowledged.size + 1);
  }, 120_000);
});
