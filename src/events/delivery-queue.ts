import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { newId } from '../common/ids.js';
import type { JsonObject } from '../common/json.js';
import { PortableDataSource } from '../database/portable-data-source.js';
import { execute, hydrate, type SqlClock, sqlClock } from '../database/statements.js';
import { storableText } from '../database/storable.js';
import { Signals } from '../signals/signals.js';
import { closeEvent, lockEvent } from './close-event.js';
import { deliveryBackoffSeconds } from './delivery-backoff.js';
import { EventDeliveryEntity } from './event-delivery.entity.js';
import { EventEntity } from './event.entity.js';
import { storableOutcome } from './storable-outcome.js';

/** A delivery that was just claimed, with its event: whoever has its lease id records how the attempt ends. */
export type ClaimedDelivery = EventDeliveryEntity & { leaseId: string; event: EventEntity };

/** How an attempt ended. */
export type DeliveryEnding =
  | { status: 'completed'; outcome: JsonObject | null }
  /** Tried again later, unless it was the last. */
  | { status: 'failed'; error: string }
  /** Not tried again. */
  | { status: 'dead'; error: string };

/** Nobody in any process has claimed it for so long, and this one does not know its subscriber: it is gone. */
const ORPHANED_SECONDS = 86_400;

const ERROR_CHARACTERS_MAX = 2_000;
const OPEN = `status IN ('pending', 'processing', 'failed')`;

/** Stored deliveries and their states. Guarded statements, as in TaskQueue: no row means that somebody else was first. */
@Injectable()
export class DeliveryQueue {
  private readonly clock: SqlClock;
  private readonly skipLocked: string;

  constructor(
    @InjectDataSource() private readonly dataSource: PortableDataSource,
    private readonly signals: Signals,
  ) {
    this.clock = sqlClock(dataSource);
    this.skipLocked = dataSource.dialect === 'postgres' ? 'FOR UPDATE SKIP LOCKED' : '';
  }

  /** Names of the subscribers for whom something is due. */
  async due(): Promise<string[]> {
    const sql = `SELECT DISTINCT subscriber FROM event_deliveries WHERE ${OPEN} AND next_attempt_at <= ${this.clock.now}`;
    const { rows } = await execute(this.dataSource.manager, sql);
    return rows.map((row) => row['subscriber'] as string);
  }

  /** Takes up to `limit` deliveries of a subscriber that are due, those of the most urgent events first, then the oldest. */
  async claim(subscriber: string, limit: number, leaseSeconds: number): Promise<ClaimedDelivery[]> {
    const { manager } = this.dataSource;
    const { rows } = await execute(
      manager,
      `WITH picked AS MATERIALIZED (
         SELECT id FROM event_deliveries
         WHERE subscriber = $1 AND ${OPEN} AND next_attempt_at <= ${this.clock.now}
         ORDER BY priority_rank, event_id LIMIT $2 ${this.skipLocked})
       UPDATE event_deliveries SET status = 'processing', attempt = attempt + 1, lease_id = $3,
         lost_attempts = lost_attempts + CASE WHEN status = 'processing' THEN 1 ELSE 0 END,
         next_attempt_at = ${this.clock.after('$4')}, started_at = ${this.clock.now}, finished_at = NULL
       WHERE id IN (SELECT id FROM picked) RETURNING *`,
      [subscriber, limit, newId(), leaseSeconds],
    );
    if (rows.length === 0) return [];
    const metadata = this.dataSource.getMetadata(EventDeliveryEntity);
    const claimed = rows.map((row) => hydrate<EventDeliveryEntity>(metadata, row));
    const events = await this.eventsOf(claimed);
    return claimed
      .map((delivery) => Object.assign(delivery, { event: events.get(delivery.eventId)! }) as ClaimedDelivery)
      .sort((a, b) => a.priorityRank - b.priorityRank || (a.eventId < b.eventId ? -1 : 1));
  }

  /** Prolongs the leases of these deliveries, however busy the database is. @returns the ids of those that still have theirs */
  async renew(deliveries: readonly ClaimedDelivery[], leaseSeconds: number): Promise<Set<string>> {
    const leases = [...new Set(deliveries.map(({ leaseId }) => leaseId))];
    const places = (values: readonly unknown[], from: number): string =>
      values.map((_, index) => `$${index + from}`).join(', ');
    const rows = await this.dataSource.beat(
      `UPDATE event_deliveries SET next_attempt_at = ${this.clock.after('$1')}
       WHERE status = 'processing' AND id IN (${places(deliveries, 2)})
         AND lease_id IN (${places(leases, 2 + deliveries.length)}) RETURNING id`,
      [leaseSeconds, ...deliveries.map(({ id }) => id), ...leases],
    );
    return new Set(rows.map((row) => row['id'] as string));
  }

  /**
   * Records the end of an attempt, and the end of the event with it when this was its last open delivery.
   *
   * @param attemptsMax after so many attempts that failed it is dead
   * @returns what it became; null when the lease was lost, and nothing was recorded
   */
  async settle(
    delivery: ClaimedDelivery,
    ending: DeliveryEnding,
    attemptsMax: number,
  ): Promise<'completed' | 'failed' | 'dead' | null> {
    const failures = delivery.attempt - delivery.lostAttempts;
    const status = ending.status === 'failed' && failures >= attemptsMax ? 'dead' : ending.status;
    const outcome = ending.status === 'completed' ? storableOutcome(ending.outcome) : null;
    const error = ending.status === 'completed' ? null : storableError(ending.error);
    const again = status === 'failed' ? deliveryBackoffSeconds(failures) : null;
    return this.dataSource.transaction(async (manager) => {
      await lockEvent(manager, delivery.eventId);
      const { affected } = await execute(
        manager,
        `UPDATE event_deliveries SET status = $3, outcome = $4, error = $5, lease_id = NULL, finished_at = ${this.clock.now},
           next_attempt_at = ${again === null ? 'NULL' : this.clock.after('$6')}
         WHERE id = $1 AND lease_id = $2 AND status = 'processing'`,
        [delivery.id, delivery.leaseId, status, outcome, error, ...(again === null ? [] : [again])],
      );
      if (affected === 0) return null;
      if (status !== 'failed') await closeEvent(manager, this.clock, delivery.eventId);
      return status;
    });
  }

  /** Gives back what was claimed, as if it had not been: due at once, for whoever comes next. */
  async release({ id, leaseId }: ClaimedDelivery): Promise<void> {
    await execute(
      this.dataSource.manager,
      `UPDATE event_deliveries SET status = 'pending', lease_id = NULL, attempt = attempt - 1, next_attempt_at = ${this.clock.now}
       WHERE id = $1 AND lease_id = $2 AND status = 'processing'`,
      [id, leaseId],
    );
    this.signals.announce('events');
  }

  /** Makes the dead deliveries of an event due again, under their ids, with all their attempts. @returns how many */
  async redeliver(eventId: string): Promise<number> {
    const affected = await this.dataSource.transaction(async (manager) => {
      await lockEvent(manager, eventId);
      const due = await execute(
        manager,
        `UPDATE event_deliveries SET status = 'pending', attempt = 0, lost_attempts = 0, next_attempt_at = ${this.clock.now}
         WHERE event_id = $1 AND status = 'dead'`,
        [eventId],
      );
      if (due.affected === 0) return 0;
      await execute(
        manager,
        `UPDATE events SET status = 'processing', processed_at = NULL, processed_by = NULL, result = NULL, error = NULL
         WHERE id = $1 AND status IN ('failed', 'completed')`,
        [eventId],
      );
      return due.affected;
    });
    if (affected > 0) this.signals.announce('events');
    return affected;
  }

  /** Gives up what waits for subscribers that no process has had for a day: its events end, and can be delivered again. */
  async abandon(known: readonly string[]): Promise<number> {
    const names = known.map((_, index) => `$${index + 2}`).join(', ');
    const { rows } = await execute(
      this.dataSource.manager,
      `SELECT id, event_id FROM event_deliveries WHERE ${OPEN} AND next_attempt_at < ${this.clock.after('$1')}
         ${names === '' ? '' : `AND subscriber NOT IN (${names})`} ORDER BY next_attempt_at LIMIT 500`,
      [-ORPHANED_SECONDS, ...known],
    );
    for (const { id, event_id: eventId } of rows as { id: string; event_id: string }[]) {
      await this.dataSource.transaction(async (manager) => {
        await lockEvent(manager, eventId);
        await execute(
          manager,
          `UPDATE event_deliveries SET status = 'dead', lease_id = NULL, next_attempt_at = NULL, finished_at = ${this.clock.now},
             error = 'No process has had this subscriber for a day.'
           WHERE id = $1 AND ${OPEN} AND next_attempt_at < ${this.clock.after('$2')}`,
          [id, -ORPHANED_SECONDS],
        );
        await closeEvent(manager, this.clock, eventId);
      });
    }
    return rows.length;
  }

  private async eventsOf(deliveries: readonly EventDeliveryEntity[]): Promise<Map<string, EventEntity>> {
    const ids = [...new Set(deliveries.map(({ eventId }) => eventId))];
    const places = ids.map((_, index) => `$${index + 1}`).join(', ');
    const sql = `SELECT * FROM events WHERE id IN (${places})`;
    const { rows } = await execute(this.dataSource.manager, sql, ids);
    const metadata = this.dataSource.getMetadata(EventEntity);
    return new Map(rows.map((row) => [row['id'] as string, hydrate<EventEntity>(metadata, row)]));
  }
}

function storableError(error: string): string {
  const text = storableText(error);
  return text.length <= ERROR_CHARACTERS_MAX ? text : `${text.slice(0, ERROR_CHARACTERS_MAX - 1)}…`;
}
