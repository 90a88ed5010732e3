import { randomInt } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { DATABASES } from '../support/databases.js';
import { Fleet, QUICK_LEASE } from '../support/fleet.js';
import { tearTraces } from '../support/torn-traces.js';

const ROUNDS = 3;
/** On both databases in test/faults/long: what is torn are files. */
const sqlite = DATABASES.find(({ name }) => name === 'SQLite')!;

describe('workers that are killed while they write traces', () => {
  it(`F07 leave runs that are whole or say that they are not, and readers are served (${ROUNDS} rounds)`, async () => {
    const database = await sqlite.create();
    const fleet = await Fleet.open(database.url, QUICK_LEASE);
    try {
      const seed = randomInt(1_000_000);
      process.stdout.write(`F07 seed ${seed}\n`);
      const { incomplete } = await tearTraces(fleet, { rounds: ROUNDS, logBytes: 4_000_000, seed });
      // Else the kills came too late to prove anything.
      expect(incomplete).toBeGreaterThan(0);
    } finally {
      await fleet.close();
      await database.drop();
    }
  }, 120_000);
});
