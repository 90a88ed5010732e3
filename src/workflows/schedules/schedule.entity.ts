import { Check, Column, Entity, Index } from 'typeorm';
import type { JsonObject } from '../../common/json.js';
import { IdColumn, JsonColumn, TimestampColumn, UuidColumn } from '../../database/portable-columns.js';
import type { MissedPolicy, OverlapPolicy } from '../definition/definition.js';

/** When a workflow starts by itself; follows the newest definition of the workflow. */
@Entity('schedules')
@Check('schedules_missed', `missed IN ('skip', 'run_once', 'run_all') AND missed_max BETWEEN 1 AND 100`)
@Check('schedules_overlap', `overlap IN ('skip', 'queue', 'allow')`)
@Index('schedules_name', ['name'], { unique: true })
@Index('schedules_workflow', ['workflowId'])
@Index('schedules_due', ['nextFireAt'], { where: 'next_fire_at IS NOT NULL' })
export class ScheduleEntity {
  @IdColumn('schedules_pk')
  id: string;

  /** Of the workflow and of the schedule: `nightly_checks.weekdays`. */
  @Column('varchar', { length: 128 })
  name: string;

  @UuidColumn()
  workflowId: string;

  @Column('varchar', { length: 100 })
  workflowName: string;

  @Column('varchar', { length: 100 })
  cron: string;

  @Column('varchar', { length: 64 })
  timeZone: string;

  @JsonColumn()
  inputs: JsonObject;

  @Column('varchar', { length: 16 })
  missed: MissedPolicy;

  @Column('integer')
  missedMax: number;

  @Column('varchar', { length: 16 })
  overlap: OverlapPolicy;

  /** Every tick up to this time has been decided. */
  @TimestampColumn()
  decidedUntil: Date;

  /** The tick that comes next; null while the schedule, or its workflow, is not active. */
  @TimestampColumn({ nullable: true })
  nextFireAt: Date | null;

  @TimestampColumn()
  createdAt: Date;
}
