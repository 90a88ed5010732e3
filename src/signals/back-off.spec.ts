import { describe, expect, it } from '@jest/globals';
import { reconnectDelayMs } from './back-off.js';

describe('reconnectDelayMs', () => {
  it.each([
    [0, 200],
    [1, 400],
    [5, 6_400],
    [6, 10_000],
    [5_000, 10_000],
  ])('after %i failures is %i ms, or up to a quarter more', (failures, least) => {
    const delays = Array.from({ length: 100 }, () => reconnectDelayMs(failures));
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(least);
    expect(Math.max(...delays)).toBeLessThanOrEqual(least * 1.25);
    expect(new Set(delays).size).toBeGreaterThan(50);
  });
});
