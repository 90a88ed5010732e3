import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource, type EntityManager } from 'typeorm';
import { type SqlClock, sqlClock } from '../database/statements.js';
import { Signals } from '../signals/signals.js';
import { EventEntity } from './event.entity.js';
import { insertEvents, type NewEvent } from './insert-events.js';

export type { EventCause } from './event.entity.js';
export type { NewEvent } from './insert-events.js';

/** How an event comes into being; a room that records with every transaction of its own uses insertEvents(). */
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
      const inserted = await insertEvents(manager ?? this.dataSource.manager, this.clock, [event]);
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

  /** Tells those who wait for events to look now. */
  announce(): void {
    this.signals.announce('events');
  }
}
