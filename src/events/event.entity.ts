import { Check, Column, Entity, Index } from 'typeorm';
import type { JsonObject } from '../common/json.js';
import { IdColumn, JsonColumn, TimestampColumn } from '../database/portable-columns.js';

export const EVENT_STATUSES = ['pending', 'processing', 'completed', 'failed'] as const;

/**
 * `pending`: nobody has looked at it yet. `processing`: those whom it interests are being told. `completed`: all of them
 * have ended well, at once when it interests nobody. `failed`: one of them has given up.
 */
export type EventStatus = (typeof EVENT_STATUSES)[number];

export const EVENT_PRIORITIES = ['low', 'medium', 'high', 'critical'] as const;
export type EventPriority = (typeof EVENT_PRIORITIES)[number];

export const CAUSE_KINDS = ['task', 'event', 'workflow_run', 'agent', 'schedule', 'webhook'] as const;
export type CauseKind = (typeof CAUSE_KINDS)[number];

/** What led to an event or a task. */
export interface EventCause {
  kind: CauseKind;
  id: string;
}

/** Something that happened: written once, in the transaction of what happened; only its dispatch changes afterwards. */
@Entity('events')
@Check('events_status', `status IN ('pending', 'processing', 'completed', 'failed')`)
@Check(
  'events_priority',
  `priority IN ('low', 'medium', 'high', 'critical') AND priority_rank BETWEEN 0 AND 3`,
)
@Check('events_processed', `(status IN ('completed', 'failed')) = (processed_at IS NOT NULL)`)
@Check('events_cause_whole', `(caused_by_kind IS NULL) = (caused_by_id IS NULL)`)
// The dispatch reads exactly this index, from its start.
@Index('events_pending', ['priorityRank', 'createdAt', 'id'], { where: `status = 'pending'` })
@Index('events_dedup', ['source', 'dedupId'], { unique: true })
@Index('events_newest', ['createdAt', 'id'])
@Index('events_type_status', ['type', 'status'])
@Index('events_priority_status', ['priority', 'status'])
@Index('events_cause', ['causedById', 'causedByKind'], { where: 'caused_by_id IS NOT NULL' })
export class EventEntity {
  @IdColumn('events_pk')
  id: string;

  @Column('varchar', { length: 100 })
  type: string;

  @Column('varchar', { length: 255 })
  source: string;

  @JsonColumn()
  data: JsonObject;

  @Column('varchar', { length: 16 })
  priority: EventPriority;

  /** 0 = critical: one ascending index then serves "most urgent, then oldest". */
  @Column('smallint')
  priorityRank: number;

  @JsonColumn()
  tags: Record<string, string>;

  @Column('varchar', { length: 16 })
  status: EventStatus;

  /** The sender's own name for the event: of one source, each is stored once. */
  @Column('varchar', { length: 255, nullable: true })
  dedupId: string | null;

  @Column('varchar', { length: 16, nullable: true })
  causedByKind: CauseKind | null;

  @Column('varchar', { length: 255, nullable: true })
  causedById: string | null;

  /** Name of the key, agent, workflow or schedule that recorded it; null where no key is asked for. */
  @Column('varchar', { length: 128, nullable: true })
  actor: string | null;

  @TimestampColumn()
  createdAt: Date;

  @TimestampColumn({ nullable: true })
  processedAt: Date | null;

  /** Names of the subscribers that handled it, comma-separated. */
  @Column('text', { nullable: true })
  processedBy: string | null;

  /** What came of it, by subscriber. */
  @JsonColumn({ nullable: true })
  result: JsonObject | null;

  @Column('text', { nullable: true })
  error: string | null;

  get causedBy(): EventCause | null {
    return this.causedByKind === null ? null : { kind: this.causedByKind, id: this.causedById! };
  }
}
