import { describe, expect, it } from '@jest/globals';
import { logFlood } from '../../support/log-flood.js';

const lines = (megabytes: number): string =>
  `{ yes "${'y'.repeat(79)}" || true; } | head -c ${megabytes * 1_048_576}`;

describe('a command that floods its log for long', () => {
  const floodedBy = logFlood();

  it('F33 with 1 GB of lines is not held up, grows no memory, and its log says how much is missing', async () => {
    expect(await floodedBy(lines(1_024), lines(20))).toMatch(/jct: \d{10} bytes were left out here/);
  }, 300_000);
});
