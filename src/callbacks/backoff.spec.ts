import { describe, expect, it } from '@jest/globals';
import { backoffSeconds, nextAttemptSeconds } from './backoff.js';

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

describe('nextAttemptSeconds', () => {
  const after = (attempt: number, status: number, retryAfterSeconds: number | null): number | null =>
    nextAttemptSeconds(attempt, { status, retryAfterSeconds }, 0);

  it('waits longer when the receiver asks for it, up to 12 h, and never shorter', () => {
    expect(after(1, 429, 90)).toBe(90);
    expect(after(1, 503, 1)).toBe(5);
    expect(after(1, 503, null)).toBe(5);
    expect(after(1, 429, 1_000_000)).toBe(43_200);
    expect(nextAttemptSeconds(1, null, 0)).toBe(5);
  });

  it('ends after the last attempt, whatever the receiver asks for, and at once when it is gone for good', () => {
    expect(after(8, 429, 90)).toBeNull();
    expect(after(1, 410, null)).toBeNull();
  });
});
