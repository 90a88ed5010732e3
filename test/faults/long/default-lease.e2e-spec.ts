import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { onBothDatabases, type TestDatabase } from '../../support/databases.js';
import { Fleet } from '../../support/fleet.js';

onBothDatabases('with the settings that a tower has by default, a worker', (create) => {
  let database: TestDatabase;
  let fleet: Fleet;

  beforeEach(async () => {
    database = await create();
    fleet = await Fleet.open(database.url);
  });
  afterEach(async () => {
    await fleet?.close();
    await database?.drop();
  });

  it('F03 that is killed has its task run by another one within 75 s', async () => {
    const { api } = await fleet.api();
    const first = await fleet.worker();
    const id = await api.accepted({
      type: 'test',
      payload: { script: 'echo "run $JCT_RUN"; [ "$JCT_RUN" != 1 ] || sleep 300' },
    });
    await api.logged(id, 'run 1');
    await fleet.worker();
    const killedAt = performance.now();
    await first.kill();
    await api.logged(id, 'run 2');
    const seconds = (performance.now() - killedAt) / 1_000;
    process.stdout.write(`F03 from kill -9 to the next run: ${seconds.toFixed(1)} s with a lease of 60 s\n`);
    expect(seconds).toBeLessThan(75);
    expect(await api.ended(id)).toMatchObject({ status: 'completed', attempt: 2 });
  }, 120_000);
});
