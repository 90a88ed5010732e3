import { Check, Column, Entity, Index } from 'typeorm';
import type { JsonObject } from '../common/json.js';
import { IdColumn, JsonColumn, TimestampColumn, UuidColumn } from '../database/portable-columns.js';
import type { FailureReason } from '../task-types/outcome.js';
import type { RunTarget } from '../task-types/executor.js';
import type { CauseKind } from '../events/event.entity.js';
import type { TaskOptions } from './task-request.js';
import type { Priority, TaskStatus } from './task-status.js';

/** Why a queued task may not be claimed yet: its time has not come, or another task holds its concurrency key. */
export type Hold = 'schedule' | 'key';

/**
 * One task. Only TaskQueue changes its state, by guarded statements; while it is `running`, `runId` is the lease: who
 * knows it may finish the task. The constraints refuse every row that the state machine cannot make.
 */
@Entity('tasks')
@Check('tasks_status', `status IN ('pending', 'queued', 'running', 'completed', 'failed', 'cancelled')`)
@Check(
  'tasks_priority',
  `priority IN ('low', 'medium', 'high', 'critical') AND priority_rank BETWEEN 0 AND 3`,
)
@Check(
  'tasks_running_has_lease',
  `(status = 'running') = (run_id IS NOT NULL) AND (status = 'running') = (lease_expires_at IS NOT NULL)`,
)
@Check(
  'tasks_terminal_has_end',
  `(status IN ('completed', 'failed', 'cancelled')) = (completed_at IS NOT NULL)`,
)
@Check('tasks_failed_has_reason', `status <> 'failed' OR failure_reason IS NOT NULL`)
@Check('tasks_hold', `hold IS NULL OR (status = 'queued' AND hold IN ('schedule', 'key'))`)
@Check('tasks_attempts', `attempt >= 0 AND excused_runs >= 0 AND attempt <= max_attempts + excused_runs`)
// The claim reads exactly this index, from its start; a task that may not be claimed is not in it.
@Index('tasks_claim', ['queue', 'priorityRank', 'createdAt', 'id'], {
  where: `status = 'queued' AND hold IS NULL`,
})
@Index('tasks_due', ['runAt'], { where: `hold = 'schedule'` })
@Index('tasks_waiting_for_key', ['concurrencyKey', 'priorityRank', 'createdAt', 'id'], {
  where: `hold = 'key'`,
})
@Index('tasks_key_holder', ['concurrencyKey'], {
  unique: true,
  where: `concurrency_key IS NOT NULL AND (status = 'running' OR (status = 'queued' AND hold IS NULL))`,
})
@Index('tasks_expiry', ['expiresAt'], { where: `status = 'queued' AND expires_at IS NOT NULL` })
@Index('tasks_lease', ['leaseExpiresAt'], { where: `status = 'running'` })
@Index('tasks_run', ['runId'], { unique: true, where: 'run_id IS NOT NULL' })
@Index('tasks_idempotency_key', ['idempotencyKey'], { unique: true })
@Index('tasks_newest', ['createdAt', 'id'])
@Index('tasks_type_status', ['type', 'status'])
@Index('tasks_source_status', ['source', 'status'])
@Index('tasks_cause', ['causedById', 'causedByKind'], { where: 'caused_by_id IS NOT NULL' })
@Index('tasks_finished', ['completedAt'], { where: 'completed_at IS NOT NULL' })
export class TaskEntity {
  @IdColumn('tasks_pk')
  id: string;

  @Column('varchar', { length: 64 })
  type: string;

  @Column('varchar', { length: 16 })
  status: TaskStatus;

  @Column('varchar', { length: 16 })
  priority: Priority;

  /** 0 = critical: one ascending index then serves "most urgent, then oldest". */
  @Column('smallint')
  priorityRank: number;

  @Column('varchar', { length: 64 })
  source: string;

  @JsonColumn()
  payload: JsonObject;

  @JsonColumn({ nullable: true })
  target: RunTarget | null;

  @JsonColumn()
  options: TaskOptions;

  @JsonColumn()
  metadata: JsonObject;

  @JsonColumn()
  tags: string[];

  @Column('varchar', { length: 128, nullable: true })
  idempotencyKey: string | null;

  /** SHA-256 of the canonical normalised request without its key. */
  @Column('varchar', { length: 64 })
  requestHash: string;

  @Column('varchar', { length: 2000, nullable: true })
  callbackUrl: string | null;

  @Column('varchar', { length: 64 })
  queue: string;

  @Column('varchar', { length: 128, nullable: true })
  concurrencyKey: string | null;

  @Column('varchar', { length: 16, nullable: true })
  hold: Hold | null;

  @TimestampColumn()
  runAt: Date;

  @TimestampColumn({ nullable: true })
  expiresAt: Date | null;

  @Column('integer')
  attempt: number;

  @Column('integer')
  maxAttempts: number;

  /** Runs that ended without fault of the task (worker lost, shut down): they do not use up its attempts. */
  @Column('integer')
  excusedRuns: number;

  @UuidColumn({ nullable: true })
  runId: string | null;

  @Column('varchar', { length: 128, nullable: true })
  workerId: string | null;

  @TimestampColumn({ nullable: true })
  leaseExpiresAt: Date | null;

  @TimestampColumn({ nullable: true })
  cancelRequestedAt: Date | null;

  @Column('varchar', { length: 128, nullable: true })
  requestedBy: string | null;

  @Column('varchar', { length: 128, nullable: true })
  requestId: string | null;

  /** What led to it, when that was not a request of a person or program. */
  @Column('varchar', { length: 16, nullable: true })
  causedByKind: CauseKind | null;

  @Column('varchar', { length: 255, nullable: true })
  causedById: string | null;

  @JsonColumn()
  policy: JsonObject;

  @UuidColumn({ nullable: true })
  replayOf: string | null;

  @JsonColumn({ nullable: true })
  result: JsonObject | null;

  @Column('varchar', { length: 32, nullable: true })
  failureReason: FailureReason | null;

  @Column('text', { nullable: true })
  error: string | null;

  /** Folder of the newest run, relative to the trace root. */
  @Column('varchar', { length: 255, nullable: true })
  tracePath: string | null;

  @TimestampColumn()
  createdAt: Date;

  @TimestampColumn()
  updatedAt: Date;

  @TimestampColumn({ nullable: true })
  startedAt: Date | null;

  @TimestampColumn({ nullable: true })
  completedAt: Date | null;
}
