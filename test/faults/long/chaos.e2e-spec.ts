import { describe, expect, it } from '@jest/globals';
import { chaosOn, DATABASE_NAMES } from '../../support/chaos/chaos-databases.js';

const PLAN = { apis: 2, workers: 8, tasks: 1_000, seconds: 180, everySeconds: 2 };

describe.each(DATABASE_NAMES)('three minutes of faults at random on %s', (name) => {
  it('F13 lose, double and leave nothing', async () => {
    expect(await chaosOn(name, PLAN)).toEqual([]);
  }, 900_000);
});
