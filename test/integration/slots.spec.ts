import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { Slots } from '../../src/worker/slots.js';
import { onBothDatabases, type TestDatabase } from '../support/databases.js';
import { Tower } from '../support/tower.js';

onBothDatabases('the slots of a worker', (create) => {
  let database: TestDatabase;
  let tower: Tower;

  beforeEach(async () => {
    database = await create();
    tower = await Tower.start(database.url, { JCT_ROLE: 'api' });
  });
  afterEach(async () => {
    await tower?.stop();
    await database?.drop();
  });

  it('claim nothing that is not theirs to run when they are closed in the middle of a claim', async () => {
    const id = await tower.api.accepted({ type: 'test', payload: { script: 'true' } });
    const slots = tower.app.get(Slots, { strict: false });
    slots.open('worker-1');
    const filled = slots.fill();
    await slots.close();
    await filled;
    expect(await tower.api.task(id)).toMatchObject({ status: 'queued', attempt: 0 });
  });
});
