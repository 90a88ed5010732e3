import type { EntityManager } from 'typeorm';
import { execute } from '../../database/statements.js';
import { dialectOf } from '../../database/portable-data-source.js';

/**
 * Lets the next task of a concurrency key through, if nobody holds the key: the most urgent, then the oldest. One task
 * holds a key at a time, from when it may be claimed until its run has ended; the unique index tasks_key_holder is the
 * proof. Call it inside the transaction that queued a task with this key or made its holder let go.
 *
 * @returns whether a task may be claimed now
 */
export async function promoteNext(manager: EntityManager, key: string): Promise<boolean> {
  await lockKey(manager, key);
  const promoted = await execute(
    manager,
    `UPDATE tasks SET hold = NULL
     WHERE id = (SELECT id FROM tasks WHERE hold = 'key' AND concurrency_key = $1
                 ORDER BY priority_rank, created_at, id LIMIT 1)
       AND NOT EXISTS (SELECT 1 FROM tasks WHERE concurrency_key = $1
                       AND (status = 'running' OR (status = 'queued' AND hold IS NULL)))`,
    [key],
  );
  return promoted.affected > 0;
}

/**
 * From now until its end this transaction alone decides who holds the key: two that cannot see each other's rows yet would
 * both promote, or neither. Who also changes a task that waits for the key takes this lock first, and the row afterwards,
 * as promoteNext() does. SQLite has one writer and needs no lock.
 */
export async function lockKey(manager: EntityManager, key: string): Promise<void> {
  if (dialectOf(manager.dataSource.options) === 'sqlite') return;
  await execute(manager, 'SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [key]);
}
