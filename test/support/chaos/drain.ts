import { setTimeout as delay } from 'node:timers/promises';
import type { PortableDataSource } from '../../../src/database/portable-data-source.js';
import { execute, sqlClock } from '../../../src/database/statements.js';

const DRAIN_MS = 300_000;

/** Waits until every task has ended and every callback was delivered. @returns what never did */
export async function drain(dataSource: PortableDataSource): Promise<string[]> {
  const deadline = performance.now() + DRAIN_MS;
  const { manager } = dataSource;
  const tasks = `SELECT id, status, hold, attempt FROM tasks WHERE completed_at IS NULL`;
  const callbacks = `SELECT id, status, attempt FROM callbacks WHERE status = 'pending'`;
  for (const [what, sql] of [
    ['task', tasks],
    ['callback', callbacks],
  ] as const) {
    for (let round = 1; ; round += 1) {
      const { rows } = await execute(manager, sql);
      if (rows.length === 0) break;
      if (performance.now() > deadline)
        return rows.map((row) => `A ${what} is stuck: ${JSON.stringify(row)}`);
      // As if the minute had passed for which a dead process keeps a callback, or for which a refused one rests.
      if (what === 'callback' && round % 32 === 0)
        await execute(
          manager,
          `UPDATE callbacks SET next_attempt_at = ${sqlClock(dataSource).now} WHERE status = 'pending'`,
        );
      await delay(250);
    }
  }
  return [];
}
