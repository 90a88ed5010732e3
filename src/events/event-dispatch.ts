import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource, type EntityManager } from 'typeorm';
import { newId } from '../common/ids.js';
import { dialectOf } from '../database/portable-data-source.js';
import { execute, hydrate, insertRowsSql, type SqlClock, sqlClock } from '../database/statements.js';
import { closeEvent } from './close-event.js';
import { type DeliveryStatus, EventDeliveryEntity } from './event-delivery.entity.js';
import { type EventSubscriber, EventSubscribers } from './event-subscribers.js';
import { EventEntity } from './event.entity.js';

/** Events that one transaction looks at. */
export const DISPATCH_BATCH = 100;

/** Rows of one INSERT: databases bound the parameters of a statement. */
const INSERT_ROWS_MAX = 500;

type NewDelivery = Omit<EventDeliveryEntity, 'createdAt' | 'nextAttemptAt'>;

/**
 * Looks at new events and writes down whom they interest. In one transaction with the event's own state: an event is
 * looked at once, whatever number of processes look, and a process that dies in between leaves it as it was.
 */
@Injectable()
export class EventDispatch {
  private readonly clock: SqlClock;
  private readonly skipLocked: string;

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly subscribers: EventSubscribers,
  ) {
    this.clock = sqlClock(dataSource);
    this.skipLocked = dialectOf(dataSource.options) === 'postgres' ? 'FOR UPDATE SKIP LOCKED' : '';
  }

  /** Looks at up to 100 events, the most urgent first, then the oldest. @returns how many, and for how many there is somebody to tell */
  async dispatch(): Promise<{ events: number; told: number }> {
    // Without a transaction first: on SQLite that would take the one writer's place each time somebody looks in vain.
    const waiting = await execute(
      this.dataSource.manager,
      `SELECT 1 AS one FROM events WHERE status = 'pending' LIMIT 1`,
    );
    if (waiting.rows.length === 0) return { events: 0, told: 0 };
    return this.dataSource.transaction(async (manager) => {
      const events = await this.take(manager);
      const deliveries = events.flatMap((event) => this.deliveriesOf(event));
      await this.insert(manager, deliveries);
      const having = (wanted: DeliveryStatus): Set<string> =>
        new Set(deliveries.filter(({ status }) => status === wanted).map(({ eventId }) => eventId));
      const [open, dead] = [having('pending'), having('dead')];
      const ids = events.map(({ id }) => id);
      await this.mark(
        manager,
        'processing',
        ids.filter((id) => open.has(id) || dead.has(id)),
      );
      await this.mark(
        manager,
        'completed',
        ids.filter((id) => !open.has(id) && !dead.has(id)),
      );
      for (const id of dead) await closeEvent(manager, this.clock, id);
      return { events: events.length, told: open.size };
    });
  }

  private async take(manager: EntityManager): Promise<EventEntity[]> {
    const { rows } = await execute(
      manager,
      `SELECT * FROM events WHERE status = 'pending'
       ORDER BY priority_rank, created_at, id LIMIT ${DISPATCH_BATCH} ${this.skipLocked}`,
    );
    const metadata = this.dataSource.getMetadata(EventEntity);
    return rows.map((row) => hydrate<EventEntity>(metadata, row));
  }

  private deliveriesOf(event: EventEntity): NewDelivery[] {
    return this.subscribers.of(event.type).map((subscriber) => {
      const refusal = refusalOf(subscriber, event);
      return {
        id: newId(),
        eventId: event.id,
        subscriber: subscriber.name,
        status: refusal?.status ?? 'pending',
        priorityRank: event.priorityRank,
        attempt: 0,
        lostAttempts: 0,
        leaseId: null,
        outcome: null,
        error: refusal?.reason ?? null,
        startedAt: null,
        finishedAt: null,
      };
    });
  }

  private async insert(manager: EntityManager, deliveries: NewDelivery[]): Promise<void> {
    const metadata = this.dataSource.getMetadata(EventDeliveryEntity);
    const { now } = this.clock;
    const insert = async (rows: NewDelivery[], nextAttemptAt: string): Promise<void> => {
      for (let from = 0; from < rows.length; from += INSERT_ROWS_MAX) {
        const part = rows.slice(from, from + INSERT_ROWS_MAX) as EventDeliveryEntity[];
        const { sql, parameters } = insertRowsSql(metadata, part, { createdAt: now, nextAttemptAt });
        await execute(manager, sql, parameters);
      }
    };
    await insert(
      deliveries.filter(({ status }) => status === 'pending'),
      now,
    );
    await insert(
      deliveries.filter(({ status }) => status !== 'pending'),
      'NULL',
    );
  }

  private async mark(
    manager: EntityManager,
    status: 'processing' | 'completed',
    ids: string[],
  ): Promise<void> {
    if (ids.length === 0) return;
    const places = ids.map((_, index) => `$${index + 1}`).join(', ');
    const processedAt = status === 'completed' ? `, processed_at = ${this.clock.now}` : '';
    await execute(
      manager,
      `UPDATE events SET status = '${status}'${processedAt} WHERE status = 'pending' AND id IN (${places})`,
      ids,
    );
  }
}

/** Why the subscriber is not told of the event; one that cannot even answer is dead at once, for a person to see. */
function refusalOf(
  subscriber: EventSubscriber,
  event: EventEntity,
): { status: 'skipped' | 'dead'; reason: string } | null {
  try {
    const reason = subscriber.wants?.(event) ?? null;
    return reason === null ? null : { status: 'skipped', reason };
  } catch (error) {
    return {
      status: 'dead',
      reason: `It could not say whether it wants the event: ${(error as Error).message}`,
    };
  }
}
