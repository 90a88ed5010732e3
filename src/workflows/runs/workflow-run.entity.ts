import { Check, Column, Entity, Index } from 'typeorm';
import type { JsonObject } from '../../common/json.js';
import { IdColumn, JsonColumn, TimestampColumn, UuidColumn } from '../../database/portable-columns.js';

export const RUN_STATUSES = ['queued', 'running', 'completed', 'failed', 'cancelled'] as const;
/** `queued`: another run with the same concurrency key goes on. */
export type WorkflowRunStatus = (typeof RUN_STATUSES)[number];

export const STOP_REASONS = ['failed', 'timeout', 'cancelled'] as const;
/** Why nothing more begins, while what runs comes to its end. */
export type RunStop = (typeof STOP_REASONS)[number];

export const RUN_TRIGGERS = ['manual', 'event', 'schedule', 'backfill', 'workflow'] as const;
export type RunTrigger = (typeof RUN_TRIGGERS)[number];

const ACTIVE = `status IN ('queued', 'running')`;

/** One run of a workflow, with the version of the definition that it began with. */
@Entity('workflow_runs')
@Check('workflow_runs_status', `status IN ('queued', 'running', 'completed', 'failed', 'cancelled')`)
@Check('workflow_runs_stopping', `stopping IS NULL OR stopping IN ('failed', 'timeout', 'cancelled')`)
@Check('workflow_runs_trigger', `trigger_kind IN ('manual', 'event', 'schedule', 'backfill', 'workflow')`)
@Check('workflow_runs_active_is_looked_at', `(${ACTIVE}) = (look_at IS NOT NULL)`)
@Check('workflow_runs_ended', `(${ACTIVE}) = (finished_at IS NULL)`)
@Check('workflow_runs_started', `status <> 'running' OR started_at IS NOT NULL`)
@Check('workflow_runs_lease', '(lease_id IS NULL) = (lease_expires_at IS NULL)')
@Index('workflow_runs_look', ['lookAt', 'id'], { where: ACTIVE })
// Of one key, one run goes on: the database itself refuses a second.
@Index('workflow_runs_key_holder', ['concurrencyKey'], {
  unique: true,
  where: `status = 'running' AND concurrency_key IS NOT NULL`,
})
@Index('workflow_runs_key_queue', ['concurrencyKey', 'id'], { where: `status = 'queued'` })
@Index('workflow_runs_idempotency', ['idempotencyKey'], { unique: true })
@Index('workflow_runs_newest', ['createdAt', 'id'])
@Index('workflow_runs_finished', ['finishedAt'], { where: 'finished_at IS NOT NULL' })
@Index('workflow_runs_workflow', ['workflowId', 'createdAt'])
@Index('workflow_runs_parent', ['parentRunId'], { where: 'parent_run_id IS NOT NULL' })
@Index('workflow_runs_schedule', ['scheduleId'], { where: `schedule_id IS NOT NULL AND ${ACTIVE}` })
export class WorkflowRunEntity {
  @IdColumn('workflow_runs_pk')
  id: string;

  @UuidColumn()
  workflowId: string;

  @Column('varchar', { length: 100 })
  workflowName: string;

  @Column('integer')
  version: number;

  @Column('varchar', { length: 16 })
  status: WorkflowRunStatus;

  @Column('varchar', { length: 16, nullable: true })
  stopping: RunStop | null;

  @Column('varchar', { length: 16 })
  triggerKind: RunTrigger;

  /** What started it, as expressions see it. */
  @JsonColumn()
  event: JsonObject;

  @JsonColumn()
  inputs: JsonObject;

  @Column('varchar', { length: 255, nullable: true })
  idempotencyKey: string | null;

  /** Of workflow and inputs as they were given: tells a repeated request from another one under the same key. */
  @Column('varchar', { length: 64 })
  requestHash: string;

  @Column('varchar', { length: 255, nullable: true })
  concurrencyKey: string | null;

  @UuidColumn({ nullable: true })
  parentRunId: string | null;

  @UuidColumn({ nullable: true })
  scheduleId: string | null;

  /** Of the definition, or less where the step of a parent says so. */
  @Column('integer')
  timeoutSeconds: number;

  /** How many runs led to this one, by starting it or by what they caused. */
  @Column('integer')
  depth: number;

  /** How often it was resumed. */
  @Column('integer')
  resumes: number;

  @Column('varchar', { length: 128, nullable: true })
  requestedBy: string | null;

  @TimestampColumn({ nullable: true })
  cancelRequestedAt: Date | null;

  @Column('varchar', { length: 128, nullable: true })
  cancelledBy: string | null;

  /** Why it has failed, or was cancelled. */
  @Column('text', { nullable: true })
  error: string | null;

  @TimestampColumn()
  createdAt: Date;

  @TimestampColumn({ nullable: true })
  startedAt: Date | null;

  @TimestampColumn({ nullable: true })
  deadlineAt: Date | null;

  @TimestampColumn({ nullable: true })
  finishedAt: Date | null;

  /** When somebody must look at it again at the latest; null once it has ended. */
  @TimestampColumn({ nullable: true })
  lookAt: Date | null;

  /** Who looks at it now: only with this id is anything of the run changed. */
  @UuidColumn({ nullable: true })
  leaseId: string | null;

  @TimestampColumn({ nullable: true })
  leaseExpiresAt: Date | null;
}
