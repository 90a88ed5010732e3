import { Check, Column, Entity, Index } from 'typeorm';
import { IdColumn, JsonColumn, TimestampColumn, UuidColumn } from '../database/portable-columns.js';

export const CALLBACK_EVENTS = ['task.completed', 'task.failed', 'task.cancelled'] as const;
export type CallbackEvent = (typeof CALLBACK_EVENTS)[number];

/** `dead`: every attempt failed; only a person sends it again. */
export const CALLBACK_STATUSES = ['pending', 'delivered', 'dead'] as const;
export type CallbackStatus = (typeof CALLBACK_STATUSES)[number];

/** One attempt at delivery that has ended, as it is stored and shown. */
export interface CallbackAttempt {
  at: string;
  /** null when no answer came. */
  status_code: number | null;
  /** null when it was delivered. */
  error: string | null;
  duration_ms: number;
}

/**
 * One message to a task's `callback_url`: written in the transaction that ends the task, so that there is exactly one for
 * each end, and none for an end that was rolled back. A task that is retried ends again, and that end has its own.
 */
@Entity('callbacks')
@Check('callbacks_status', `status IN ('pending', 'delivered', 'dead')`)
@Check('callbacks_event', `event IN ('task.completed', 'task.failed', 'task.cancelled')`)
@Check('callbacks_pending_has_next', `(status = 'pending') = (next_attempt_at IS NOT NULL)`)
@Check('callbacks_delivered_has_time', `(status = 'delivered') = (delivered_at IS NOT NULL)`)
@Check('callbacks_lease', `lease_id IS NULL OR status = 'pending'`)
@Check('callbacks_attempt', 'attempt >= 0')
@Index('callbacks_due', ['nextAttemptAt', 'id'], { where: `status = 'pending'` })
@Index('callbacks_task', ['taskId', 'id'])
export class CallbackEntity {
  /** Sent as `webhook-id`: the same at every attempt, so that the receiver can tell a repetition. */
  @IdColumn('callbacks_pk')
  id: string;

  @UuidColumn()
  taskId: string;

  @Column('varchar', { length: 2000 })
  url: string;

  /** Host and port of the URL, at most 255 characters: what receivers are told apart by. */
  @Column('varchar', { length: 255 })
  host: string;

  @Column('varchar', { length: 32 })
  event: CallbackEvent;

  /** The JSON text as it is sent. Text, since jsonb would reorder what is signed. */
  @Column('text')
  body: string;

  @Column('varchar', { length: 16 })
  status: CallbackStatus;

  /** Attempts begun since it was written, or since somebody asked for it to be sent again. */
  @Column('integer')
  attempt: number;

  /** Attempts that ended, oldest first. */
  @JsonColumn()
  history: CallbackAttempt[];

  /** Who knows it may record how the attempt that goes on has ended; null when none does. */
  @UuidColumn({ nullable: true })
  leaseId: string | null;

  /** While an attempt goes on: when somebody else takes over, should its process have died. */
  @TimestampColumn({ nullable: true })
  nextAttemptAt: Date | null;

  @TimestampColumn()
  createdAt: Date;

  @TimestampColumn({ nullable: true })
  deliveredAt: Date | null;
}
