import { Check, Column, Entity, Index } from 'typeorm';
import type { JsonObject } from '../common/json.js';
import { IdColumn, JsonColumn, TimestampColumn, UuidColumn } from '../database/portable-columns.js';
import type { Failure, FailureReason } from '../task-types/outcome.js';

export const RUN_STATUSES = ['completed', 'failed', 'cancelled', 'lost', 'released'] as const;

/** How a run ended. `lost`: its worker died or fell silent. `released`: given back when its worker shut down. */
export type RunStatus = (typeof RUN_STATUSES)[number];

/** What a run reported after it had lost its lease: refused, and kept as evidence. */
export interface LateResult {
  status: 'completed' | 'failed' | 'stopped';
  failure: Failure | null;
  /** Of the folder that it sealed nevertheless; null when it left none that is complete. */
  manifest_sha256: string | null;
  /** RFC 3339, by the clock of the worker. */
  reported_at: string;
}

/**
 * One ended attempt at a task: written once, in the transaction that settles the task; only `lateResult` may follow. A run that still goes on lives on
 * its task's row, so that claiming and finishing cost one row less.
 */
@Entity('task_runs')
@Check('task_runs_status', `status IN ('completed', 'failed', 'cancelled', 'lost', 'released')`)
@Index('task_runs_task', ['taskId', 'number'], { unique: true })
@Index('task_runs_late', ['id'], { where: 'late_result IS NOT NULL' })
@Index('task_runs_lost', ['workerId'], {
  where: `failure_reason = 'worker_lost' AND status IN ('lost', 'failed')`,
})
export class TaskRunEntity {
  @IdColumn('task_runs_pk')
  id: string;

  @UuidColumn()
  taskId: string;

  /** 1 for the first run: with the task's id the name of the trace folder. */
  @Column('integer')
  number: number;

  @Column('varchar', { length: 16 })
  status: RunStatus;

  @Column('varchar', { length: 128 })
  workerId: string;

  @Column('varchar', { length: 32, nullable: true })
  failureReason: FailureReason | null;

  @Column('text', { nullable: true })
  error: string | null;

  @JsonColumn({ nullable: true })
  result: JsonObject | null;

  @Column('varchar', { length: 255, nullable: true })
  tracePath: string | null;

  /** SHA-256 of manifest.json; null when the run left no complete folder. */
  @Column('varchar', { length: 64, nullable: true })
  manifestSha256: string | null;

  /** Only of a lost run whose worker came back. */
  @JsonColumn({ nullable: true })
  lateResult: LateResult | null;

  @TimestampColumn()
  startedAt: Date;

  @TimestampColumn()
  finishedAt: Date;
}
