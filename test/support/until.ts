import { setTimeout as delay } from 'node:timers/promises';

/** Asks until it is so; the test's own time limit bounds it. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await delay(50);
}
