import { Check, Column, Entity, Index } from 'typeorm';
import type { JsonObject } from '../common/json.js';
import { IdColumn, JsonColumn, TimestampColumn, UuidColumn } from '../database/portable-columns.js';

export const DELIVERY_STATUSES = ['pending', 'processing', 'completed', 'failed', 'dead', 'skipped'] as const;

/**
 * `failed`: an attempt failed, and there will be another. `dead`: the last one failed; only a person sends it again.
 * `skipped`: the subscriber did not want it, for the reason in `error`.
 */
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];

/**
 * One event on its way to one subscriber. There is one row for the two, whatever number of processes dispatch; each row
 * is claimed by itself, so that a subscriber that hangs delays no other.
 */
@Entity('event_deliveries')
@Check(
  'event_deliveries_status',
  `status IN ('pending', 'processing', 'completed', 'failed', 'dead', 'skipped')`,
)
@Check(
  'event_deliveries_open_has_next',
  `(status IN ('pending', 'processing', 'failed')) = (next_attempt_at IS NOT NULL)`,
)
@Check('event_deliveries_lease', `(status = 'processing') = (lease_id IS NOT NULL)`)
@Check('event_deliveries_attempt', 'attempt >= lost_attempts AND lost_attempts >= 0')
@Index('event_deliveries_event', ['eventId', 'subscriber'], { unique: true })
// Only what is still to do stands in it: a claim reads the rows of one subscriber, most urgent first.
@Index('event_deliveries_open', ['subscriber', 'priorityRank', 'eventId'], {
  where: `status IN ('pending', 'processing', 'failed')`,
})
@Index('event_deliveries_due', ['nextAttemptAt'], {
  where: `status IN ('pending', 'processing', 'failed')`,
})
@Index('event_deliveries_dead', ['subscriber'], { where: `status = 'dead'` })
@Index('event_deliveries_newest', ['subscriber', 'id'])
export class EventDeliveryEntity {
  /** Told to the subscriber at every attempt, so that it can tell a repetition. */
  @IdColumn('event_deliveries_pk')
  id: string;

  @UuidColumn()
  eventId: string;

  @Column('varchar', { length: 128 })
  subscriber: string;

  @Column('varchar', { length: 16 })
  status: DeliveryStatus;

  /** Of the event. */
  @Column('smallint')
  priorityRank: number;

  /** Attempts begun since the event was dispatched, or since somebody asked for it to be delivered again. */
  @Column('integer')
  attempt: number;

  /** Those of them whose process died or fell silent: they do not count as failed. */
  @Column('integer')
  lostAttempts: number;

  /** Who knows it may record how the attempt that goes on has ended. */
  @UuidColumn({ nullable: true })
  leaseId: string | null;

  /** While an attempt goes on: when others take over, should its process have died. */
  @TimestampColumn({ nullable: true })
  nextAttemptAt: Date | null;

  /** What the subscriber answered. */
  @JsonColumn({ nullable: true })
  outcome: JsonObject | null;

  /** Why the newest attempt failed, or why the event was skipped. */
  @Column('text', { nullable: true })
  error: string | null;

  @TimestampColumn()
  createdAt: Date;

  /** Of the newest attempt. */
  @TimestampColumn({ nullable: true })
  startedAt: Date | null;

  /** Of the newest attempt. */
  @TimestampColumn({ nullable: true })
  finishedAt: Date | null;
}
