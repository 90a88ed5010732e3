import { describe, expect, it } from '@jest/globals';
import { backoffSeconds } from './backoff.js';

describe('backoffSeconds', () => {
  it('waits 5 s, 1 m, 5 m, 30 m, 2 h, 6 h and 12 h, then no more', () => {
    const delays = Array.from({ length: 9 }, (_, index) => backoffSeconds(index + 1, 0));
    expect(delays).toEqual([5, 60, 300, 1_800, 7_200, 21_600, 43_200, null, null]);
  });

  it('adds at most a tenth by chance', () => {
    expect(backoffSeconds(2, 0.999_999)).toBeLessThanOrEqual(66);
    expect(backoffSeconds(2, 0.999_999)).toBeGreaterThan(65.9);
  });
});
