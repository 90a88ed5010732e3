import { Check, Column, Entity, Index } from 'typeorm';
import { IdColumn, TimestampColumn, UuidColumn } from '../../database/portable-columns.js';
import type { TickOutcome } from './decide-ticks.js';

export const DECISION_KINDS = ['tick', 'backfill'] as const;
/** `tick`: its time came. `backfill`: somebody asked for it afterwards. */
export type DecisionKind = (typeof DECISION_KINDS)[number];

/** What became of one tick, and why: also of each one that started nothing. */
@Entity('schedule_decisions')
@Check('schedule_decisions_kind', `kind IN ('tick', 'backfill')`)
@Check(
  'schedule_decisions_outcome',
  `outcome IN ('fired', 'queued', 'skipped_missed', 'skipped_overlap', 'refused')`,
)
@Check('schedule_decisions_run', `(outcome IN ('fired', 'queued')) = (run_id IS NOT NULL)`)
// Each tick starts one run at most, whatever number of processes look, and whoever backfills.
@Index('schedule_decisions_fired_once', ['scheduleId', 'fireAt'], {
  unique: true,
  where: 'run_id IS NOT NULL',
})
@Index('schedule_decisions_tick', ['scheduleId', 'fireAt', 'id'])
@Index('schedule_decisions_age', ['decidedAt'])
export class ScheduleDecisionEntity {
  @IdColumn('schedule_decisions_pk')
  id: string;

  @UuidColumn()
  scheduleId: string;

  @TimestampColumn()
  fireAt: Date;

  @Column('varchar', { length: 16 })
  kind: DecisionKind;

  @Column('varchar', { length: 16 })
  outcome: TickOutcome;

  @Column('text')
  reason: string;

  @UuidColumn({ nullable: true })
  runId: string | null;

  @Column('varchar', { length: 128, nullable: true })
  decidedBy: string | null;

  @TimestampColumn()
  decidedAt: Date;
}
