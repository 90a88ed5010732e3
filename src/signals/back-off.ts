const FIRST_MS = 200;
const LAST_MS = 10_000;

/** How long to wait before connecting again: 0.2 s to 10 s, doubling; up to a quarter more, lest all processes come at once. */
export function reconnectDelayMs(failures: number): number {
  return Math.min(LAST_MS, FIRST_MS * 2 ** failures) * (1 + Math.random() / 4);
}
