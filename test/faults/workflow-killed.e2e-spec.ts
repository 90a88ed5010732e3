import { afterEach, beforeEach, it } from '@jest/globals';
import { onBothDatabases, type TestDatabase } from '../support/databases.js';
import { killedDiamond } from '../support/killed-diamond.js';

onBothDatabases('a workflow whose worker is killed', (create) => {
  let database: TestDatabase;
  beforeEach(async () => {
    database = await create();
  });
  afterEach(() => database?.drop());

  it('F03 completes after kill -9 at random moments, and each of its tasks has finished once', async () => {
    await killedDiamond(database.url, 2);
  }, 180_000);
});
