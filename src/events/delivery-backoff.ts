const FIRST_SECONDS = 1;
const LAST_SECONDS = 300;

/**
 * Seconds before the attempt after number `failures` that failed: 1, 2, 4, ... up to 5 minutes; up to a quarter more by
 * chance, so that deliveries that failed together do not come back together.
 */
export function deliveryBackoffSeconds(failures: number, random = Math.random()): number {
  const full = Math.min(LAST_SECONDS, FIRST_SECONDS * 2 ** Math.min(failures - 1, 30));
  return full * (1 + random / 4);
}
