/** Seconds before each further attempt: short while a receiver restarts, then over most of a day while people mend it. */
const BACKOFF_SECONDS = [5, 60, 300, 1_800, 7_200, 21_600, 43_200];

/** Callbacks that failed together, since their receiver was down, do not come back together. */
const JITTER = 0.1;

/** Seconds until the attempt after number `attempt` (1 is the first), up to 10 % more by chance; null when it was the last. */
export function backoffSeconds(attempt: number, random = Math.random()): number | null {
  const seconds = BACKOFF_SECONDS[attempt - 1];
  return seconds === undefined ? null : seconds * (1 + JITTER * random);
}
