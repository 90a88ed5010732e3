import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { describe } from '@jest/globals';

const LIBRARY = [
  '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1',
  '/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1',
].find((path) => existsSync(path));

/** A process whose wall clock is set to `offset` (`+2h`, `-1h`, `+0`) in a file; its monotonic clock stays as it is. */
export function fakeTime(file: string): { environment: Record<string, string>; set(offset: string): void } {
  const set = (offset: string): void => {
    // Never seen half.
    writeFileSync(`${file}.new`, `${offset}\n`);
    renameSync(`${file}.new`, file);
  };
  set('+0');
  const environment = {
    LD_PRELOAD: LIBRARY!,
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  };
  return { environment, set };
}

/** A suite that sets clocks; where libfaketime is not installed, it is reported as skipped, with the reason. */
export function withFakeTime(title: string, suite: () => void): void {
  if (LIBRARY !== undefined) describe(title, suite);
  else describe.skip(`${title} (skipped: libfaketime is not installed)`, suite);
}
