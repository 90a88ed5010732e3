import { describe, expect, it } from '@jest/globals';
import { retryAfterSeconds } from './retry-after.js';

const NOW = new Date('2026-11-25T08:00:00.500Z');

describe('retryAfterSeconds', () => {
  it.each([
    ['0', 0],
    ['120', 120],
    ['Wed, 25 Nov 2026 08:01:00 GMT', 60],
    ['Wed, 25 Nov 2026 07:00:00 GMT', 0],
  ])('reads %s', (header, seconds) => {
    expect(retryAfterSeconds(header, NOW)).toBe(seconds);
  });

  it.each([undefined, '', 'soon', '-5', '1.5', '2026-11-25', '99999999999', 'Wed, 99 Nov 2026 08:01:00 GMT'])(
    'takes %s for none',
    (header) => {
      expect(retryAfterSeconds(header, NOW)).toBeNull();
    },
  );
});
