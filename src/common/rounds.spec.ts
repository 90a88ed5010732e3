import { describe, expect, it } from '@jest/globals';
import { Rounds } from './rounds.js';

describe('Rounds', () => {
  it('are one at a time, and one more for all who ask meanwhile', async () => {
    const ends: (() => void)[] = [];
    const rounds = new Rounds(() => new Promise((resolve) => ends.push(resolve)));
    const first = rounds.ask();
    const meanwhile = [rounds.ask(), rounds.ask()];
    expect(ends).toHaveLength(1);
    ends[0]();
    await new Promise(setImmediate);
    expect(ends).toHaveLength(2);
    ends[1]();
    await Promise.all([first, ...meanwhile, rounds.settled()]);
    expect(ends).toHaveLength(2);
  });

  it('forget nobody who asks at the very end of a round', async () => {
    let done = 0;
    const rounds = new Rounds(() => {
      done += 1;
      return Promise.resolve();
    });
    for (let asked = 1; asked <= 50; asked += 1) {
      void rounds.ask();
      for (let turns = 0; turns < asked % 7; turns += 1) await Promise.resolve();
      const before = done;
      await rounds.ask();
      expect(done).toBeGreaterThan(before);
    }
  });
});
