import { randomInt } from 'node:crypto';
import { expect, it } from '@jest/globals';
import { onBothDatabases } from '../../support/databases.js';
import { Fleet, QUICK_LEASE } from '../../support/fleet.js';
import { tearTraces } from '../../support/torn-traces.js';

const ROUNDS = 100;

onBothDatabases('workers that are killed while they write traces of 50 MB', (create) => {
  it(`F07 leave runs that are whole or say that they are not, and readers are served (${ROUNDS} rounds)`, async () => {
    const database = await create();
    const fleet = await Fleet.open(database.url, QUICK_LEASE);
    try {
      const seed = randomInt(1_000_000);
      process.stdout.write(`F07 seed ${seed}\n`);
      const torn = await tearTraces(fleet, { rounds: ROUNDS, logBytes: 50_000_000, seed });
      process.stdout.write(`F07 ${torn.incomplete} runs are incomplete, ${torn.complete} are complete\n`);
      expect(torn.incomplete).toBeGreaterThan(ROUNDS / 3);
      expect(torn.complete).toBeGreaterThan(0);
    } finally {
      await fleet.close();
      await database.drop();
    }
  }, 3_600_000);
});
