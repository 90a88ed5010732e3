import { describe, expect, it } from '@jest/globals';
import { logFlood } from '../support/log-flood.js';

const lines = (megabytes: number): string =>
  `{ yes "${'y'.repeat(79)}" || true; } | head -c ${megabytes * 1_048_576}`;
const oneLine = (megabytes: number): string => `head -c ${megabytes * 1_048_576} /dev/zero | tr '\\0' x`;

describe('a command that floods its log', () => {
  const floodedBy = logFlood();

  it('F33 with 100 MB of lines is not held up, grows no memory, and its log says how much is missing', async () => {
    expect(await floodedBy(lines(100), lines(20))).toMatch(
      /jct: \d{8,9} bytes were left out here \(limit 4194304\)\n/,
    );
  });

  it('F33 with a line of 10 MB that has no end is not held up, and grows no memory', async () => {
    const log = await floodedBy(oneLine(10), oneLine(2));
    expect(log).toMatch(/jct: \d{7} bytes were left out here/);
    expect(Math.max(...log.split('\n').map((line) => line.length))).toBeLessThan(20_000);
  });
});
