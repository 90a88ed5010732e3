import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource, type EntityManager } from 'typeorm';
import type { JsonObject } from '../common/json.js';
import { newId } from '../common/ids.js';
import { storableObject, storableText } from '../database/storable.js';
import { execute, hydrate, insertRowsSql, type SqlClock, sqlClock } from '../database/statements.js';
import { Signals } from '../signals/signals.js';
import { EVENT_PRIORITIES, type EventCause, EventEntity, type EventPriority } from './event.entity.js';

export interface NewEvent {
  type: string;
  /** Who says so, at most 255 characters. */
  source: string;
  data: JsonObject;
  /** `medium` when absent. */
  priority?: EventPriority;
  tags?: Record<string, string>;
  /** The sender's own name for the event: of one source, each is stored once. */
  dedupId?: string | null;
  causedBy?: EventCause | null;
  actor?: string | null;
}

/** The only way by which an event comes into being. */
@Injectable()
export class EventLog {
  private readonly clock: SqlClock;

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly signals: Signals,
  ) {
    this.clock = sqlClock(dataSource);
  }

  /**
   * Stores an event; one that its source has sent before is left as it is, and returned.
   *
   * @param manager of the transaction that it belongs to; the caller announces after the commit. Without one the event
   *   is committed and announced when this resolves
   */
  async record(event: NewEvent, manager?: EntityManager): Promise<{ event: EventEntity; replayed: boolean }> {
    for (;;) {
      const inserted = await this.insert(manager ?? this.dataSource.manager, [event]);
      if (inserted[0] !== undefined && manager === undefined) this.announce();
      if (inserted[0] !== undefined) return { event: inserted[0], replayed: false };
      const known = await (manager ?? this.dataSource.manager).findOneBy(EventEntity, {
        source: event.source,
        dedupId: event.dedupId!,
      });
      // Deleted in this very moment, being old: then it is new.
      if (known !== null) return { event: known, replayed: true };
    }
  }

  /** Stores several with one statement, in the transaction of `manager`; the caller announces after its commit. */
  async recordAll(events: readonly NewEvent[], manager: EntityManager): Promise<EventEntity[]> {
    return events.length === 0 ? [] : this.insert(manager, events);
  }

  /** Tells those who wait for events to look now. */
  announce(): void {
    this.signals.announce('events');
  }

  private async insert(manager: EntityManager, events: readonly NewEvent[]): Promise<EventEntity[]> {
    const metadata = this.dataSource.getMetadata(EventEntity);
    const { sql, parameters } = insertRowsSql(metadata, events.map(toRow), { createdAt: this.clock.now });
    const statement = `${sql} ON CONFLICT (source, dedup_id) DO NOTHING RETURNING *`;
    const { rows } = await execute(manager, statement, parameters);
    return rows.map((row) => hydrate<EventEntity>(metadata, row));
  }
}

/** 0 is served first. */
export function eventPriorityRank(priority: EventPriority): number {
  return EVENT_PRIORITIES.length - 1 - EVENT_PRIORITIES.indexOf(priority);
}

function toRow(event: NewEvent): EventEntity {
  const {
    type,
    source,
    priority = 'medium',
    tags = {},
    dedupId = null,
    causedBy = null,
    actor = null,
  } = event;
  return Object.assign(new EventEntity(), {
    id: newId(),
    type,
    source: storableText(source),
    data: storableObject(event.data),
    priority,
    priorityRank: eventPriorityRank(priority),
    tags: storableObject(tags),
    status: 'pending' as const,
    dedupId,
    causedByKind: causedBy?.kind ?? null,
    causedById: causedBy?.id ?? null,
    actor,
    processedAt: null,
    processedBy: null,
    result: null,
    error: null,
  });
}
