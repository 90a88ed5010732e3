import { describe, expect, it } from '@jest/globals';
import { LOST_ALONE_MAX, LOST_RUNS_MAX, lostRunEnding } from './lost-run.js';

const ending = (lostRuns: number, hadCompany: boolean, random = 0.5) =>
  lostRunEnding({ workerId: 'host:1:a', lostRuns, hadCompany }, () => random);
const times = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe('a task whose worker died', () => {
  it('and that ran alone is queued again at once, and given up at the third time', () => {
    for (const lostRuns of times(1, LOST_ALONE_MAX - 1)) {
      expect(ending(lostRuns, false)).toEqual({ status: 'lost', failure: expect.anything() });
    }
    expect(ending(LOST_ALONE_MAX, false)).toMatchObject({
      status: 'given_up',
      failure: { reason: 'worker_lost', message: expect.stringContaining('3. time; it is not tried again') },
    });
  });

  it('and that ran beside others is queued again, and given up at the tenth time', () => {
    for (const lostRuns of times(1, LOST_RUNS_MAX - 1)) {
      expect(ending(lostRuns, true)).toMatchObject({ status: 'lost', failure: { reason: 'worker_lost' } });
    }
    expect(ending(LOST_RUNS_MAX, true)).toMatchObject({ status: 'given_up' });
  });

  it('comes back at once when it was lost with others for the first time, and at a random time from then on', () => {
    expect(ending(1, true)).not.toHaveProperty('delaySeconds');
    for (const lostRuns of times(2, LOST_RUNS_MAX - 1)) {
      expect(ending(lostRuns, true, 0)).toMatchObject({ delaySeconds: 0 });
      expect(ending(lostRuns, true, 1)).toMatchObject({ delaySeconds: 10 * lostRuns });
    }
  });

  it('and that has been lost with others is given up as soon as it is lost alone', () => {
    expect(ending(7, false)).toMatchObject({ status: 'given_up' });
  });
});
