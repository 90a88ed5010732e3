import type { EntityManager } from 'typeorm';
import type { JsonObject } from '../common/json.js';
import { dialectOf } from '../database/portable-data-source.js';
import { execute, hydrate, type SqlClock } from '../database/statements.js';
import { EventDeliveryEntity } from './event-delivery.entity.js';

/**
 * From now until its end this transaction alone changes the deliveries of the event: two that cannot see each other's
 * rows yet would both leave it open. SQLite has one writer and needs no lock.
 */
export async function lockEvent(manager: EntityManager, eventId: string): Promise<void> {
  if (dialectOf(manager.dataSource.options) === 'sqlite') return;
  await execute(manager, 'SELECT 1 FROM events WHERE id = $1 FOR UPDATE', [eventId]);
}

/** Ends the event when none of its deliveries is open any more; in the transaction that ended one, after lockEvent(). */
export async function closeEvent(manager: EntityManager, clock: SqlClock, eventId: string): Promise<void> {
  const deliveries = await deliveriesOf(manager, eventId);
  if (deliveries.some(({ nextAttemptAt }) => nextAttemptAt !== null)) return;
  const dead = deliveries.filter(({ status }) => status === 'dead');
  const completed = deliveries.filter(({ status }) => status === 'completed');
  const result: JsonObject = Object.fromEntries(
    completed
      .filter(({ outcome }) => outcome !== null)
      .map(({ subscriber, outcome }) => [subscriber, outcome]),
  );
  await execute(
    manager,
    `UPDATE events SET status = $2, processed_at = ${clock.now}, processed_by = $3, result = $4, error = $5
     WHERE id = $1 AND status = 'processing'`,
    [
      eventId,
      dead.length > 0 ? 'failed' : 'completed',
      completed.map(({ subscriber }) => subscriber).join(', ') || null,
      Object.keys(result).length === 0 ? null : JSON.stringify(result),
      dead.map(({ subscriber, error }) => `${subscriber}: ${error}`).join('\n') || null,
    ],
  );
}

async function deliveriesOf(manager: EntityManager, eventId: string): Promise<EventDeliveryEntity[]> {
  const sql = 'SELECT * FROM event_deliveries WHERE event_id = $1 ORDER BY subscriber';
  const { rows } = await execute(manager, sql, [eventId]);
  const metadata = manager.dataSource.getMetadata(EventDeliveryEntity);
  return rows.map((row) => hydrate<EventDeliveryEntity>(metadata, row));
}
