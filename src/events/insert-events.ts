import type { EntityManager } from 'typeorm';
import { newId } from '../common/ids.js';
import type { JsonObject } from '../common/json.js';
import { execute, hydrate, insertRowsSql, type SqlClock } from '../database/statements.js';
import { storableObject, storableText } from '../database/storable.js';
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

/**
 * Stores events with one statement, in the transaction of `manager`; who calls it announces `events` after the commit.
 *
 * @returns those that are new: what a source has sent before is left as it is
 */
export async function insertEvents(
  manager: EntityManager,
  clock: SqlClock,
  events: readonly NewEvent[],
): Promise<EventEntity[]> {
  if (events.length === 0) return [];
  const metadata = manager.dataSource.getMetadata(EventEntity);
  const { sql, parameters } = insertRowsSql(metadata, events.map(toRow), { createdAt: clock.now });
  const statement = `${sql} ON CONFLICT (source, dedup_id) DO NOTHING RETURNING *`;
  const { rows } = await execute(manager, statement, parameters);
  return rows.map((row) => hydrate<EventEntity>(metadata, row));
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
