import { Check, Column, Entity, Index } from 'typeorm';
import type { JsonObject } from '../../common/json.js';
import { IdColumn, JsonColumn, TimestampColumn, UuidColumn } from '../../database/portable-columns.js';

export const STEP_STATUSES = [
  'pending',
  'starting',
  'running',
  'completed',
  'failed',
  'skipped',
  'cancelled',
] as const;
/** `starting`: what it does is decided and written down, and is being handed over. */
export type StepStatus = (typeof STEP_STATUSES)[number];

/** The item number of the row that stands for a step itself. */
export const NO_ITEM = -1;

/**
 * One step of a run, or one item of a step that is done for each item of a list. The row of the step has item -1.
 */
@Entity('workflow_steps')
@Check(
  'workflow_steps_status',
  `status IN ('pending', 'starting', 'running', 'completed', 'failed', 'skipped', 'cancelled')`,
)
@Check('workflow_steps_starting_has_request', `status <> 'starting' OR request IS NOT NULL`)
@Check(
  'workflow_steps_ended',
  `(status IN ('completed', 'failed', 'skipped', 'cancelled')) = (finished_at IS NOT NULL)`,
)
@Check('workflow_steps_item', 'item >= -1 AND attempt >= 0')
@Index('workflow_steps_name', ['runId', 'name', 'item'], { unique: true })
@Index('workflow_steps_task', ['taskId'], { where: `status = 'running' AND task_id IS NOT NULL` })
@Index('workflow_steps_child', ['childRunId'], { where: `status = 'running' AND child_run_id IS NOT NULL` })
@Index('workflow_steps_waiting', ['waitPattern'], {
  where: `status = 'running' AND wait_pattern IS NOT NULL`,
})
export class WorkflowStepEntity {
  @IdColumn('workflow_steps_pk')
  id: string;

  @UuidColumn()
  runId: string;

  @Column('varchar', { length: 64 })
  name: string;

  @Column('integer')
  item: number;

  @Column('varchar', { length: 16 })
  status: StepStatus;

  /** 1 for the first time; each time that the run is resumed, one more. */
  @Column('integer')
  attempt: number;

  /** What it hands over, rendered once: a task, or a workflow with its inputs. Of an item, before that, the item. */
  @JsonColumn({ nullable: true })
  request: JsonObject | null;

  @UuidColumn({ nullable: true })
  taskId: string | null;

  @UuidColumn({ nullable: true })
  childRunId: string | null;

  /** As SQL's LIKE. */
  @Column('varchar', { length: 128, nullable: true })
  waitPattern: string | null;

  /** Time of the newest event that was looked at. */
  @TimestampColumn({ nullable: true })
  waitSeenAt: Date | null;

  /** When a wait ends, well or with its timeout. */
  @TimestampColumn({ nullable: true })
  wakeAt: Date | null;

  @JsonColumn({ nullable: true })
  result: JsonObject | null;

  @Column('text', { nullable: true })
  error: string | null;

  @TimestampColumn({ nullable: true })
  startedAt: Date | null;

  @TimestampColumn({ nullable: true })
  finishedAt: Date | null;
}
