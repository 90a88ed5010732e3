import { setTimeout as delay } from 'node:timers/promises';

/** What the look gives, as soon as it gives something; the timeout of the test bounds it. */
export async function eventually<T>(look: () => Promise<T | null | undefined | false>): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== null && found !== undefined && found !== false) return found;
    await delay(20);
  }
}
