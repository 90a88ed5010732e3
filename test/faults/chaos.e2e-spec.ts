import { describe, expect, it } from '@jest/globals';
import { chaosOn, DATABASE_NAMES } from '../support/chaos/chaos-databases.js';

const PLAN = { apis: 2, workers: 4, tasks: 150, seconds: 20, everySeconds: 1.2 };

describe.each(DATABASE_NAMES)('half a minute of faults at random on %s', (name) => {
  it('F13 loses, doubles and leaves nothing', async () => {
    expect(await chaosOn(name, PLAN)).toEqual([]);
  }, 300_000);
});
