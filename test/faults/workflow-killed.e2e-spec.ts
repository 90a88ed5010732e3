import { afterEach, beforeEach, it } from '@jest/globals';
import { onBothDatabases, type TestDatabase } from '../support/databases.js';
import { frozenDiamond, killedDiamond } from '../support/killed-diamond.js';

onBothDatabases('a workflow whose worker is killed', (create) => {
  let database: TestDatabase;
  beforeEach(async () => {
    database = await create();
  });
  afterEach(() => database?.drop());

  it('F03 completes after kill -9 at random moments, and each of its tasks has finished once', async () => {
    await killedDiamond(database.url, 2);
  }, 180_000);

  it('F08 completes although its worker is frozen in the middle, and nothing is doubled when that comes back', async () => {
    await frozenDiamond(database.url);
  }, 180_000);
});
