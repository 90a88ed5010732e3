/** Seconds before each further attempt: short while a receiver restarts, then over most of a day while people mend it. */
const BACKOFF_SECONDS = [5, 60, 300, 1_800, 7_200, 21_600, 43_200];

/** A receiver may ask for a longer pause with Retry-After, up to the longest of ours. */
const RETRY_AFTER_SECONDS_MAX = 43_200;

const GONE = 410;

/** Callbacks that failed together, since their receiver was down, do not come back together. */
const JITTER = 0.1;

/** Seconds until the attempt after number `attempt` (1 is the first), up to 10 % more by chance; null when it was the last. */
export function backoffSeconds(attempt: number, random = Math.random()): number | null {
  const seconds = BACKOFF_SECONDS[attempt - 1];
  return seconds === undefined ? null : seconds * (1 + JITTER * random);
}

/**
 * Seconds until the attempt after one that was answered so; null when there shall be none: it was the last one, or the
 * receiver said that it is gone for good.
 */
export function nextAttemptSeconds(
  attempt: number,
  answer: { status: number; retryAfterSeconds: number | null } | null,
  random = Math.random(),
): number | null {
  const seconds = backoffSeconds(attempt, random);
  if (seconds === null || answer?.status === GONE) return null;
  return Math.max(seconds, Math.min(answer?.retryAfterSeconds ?? 0, RETRY_AFTER_SECONDS_MAX));
}
