import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { ValidationError, type Violation } from '../../common/errors.js';
import { Signals } from '../../signals/signals.js';
import { WorkflowEntity } from '../workflow.entity.js';
import type { NewDecision } from './schedule-store.js';
import { ScheduleStore, ticksOf } from './schedule-store.js';
import { Scheduler } from './scheduler.js';
import type { ScheduleEntity } from './schedule.entity.js';

export const BACKFILL_TICKS_MAX = 100;

/** Runs a schedule for times that have passed. A tick that has started a run before starts no other one. */
@Injectable()
export class Backfill {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly store: ScheduleStore,
    private readonly scheduler: Scheduler,
    private readonly signals: Signals,
  ) {}

  /**
   * @param from the first time that counts @param to the last one
   * @returns one decision for each tick in the range, oldest first
   * @throws ValidationError when the range is none, lies ahead, or has more than 100 ticks
   */
  async run(schedule: ScheduleEntity, from: Date, to: Date, by: string | null): Promise<NewDecision[]> {
    const now = await this.store.now();
    if (to < from) throw wrong('/to', 'to must not lie before from');
    if (to > now) throw wrong('/to', 'to must not lie ahead: those ticks come by themselves');
    const ticks = ticksOf(schedule.cron, schedule.timeZone).between(
      new Date(from.getTime() - 1),
      to,
      BACKFILL_TICKS_MAX + 1,
    );
    if (ticks.length > BACKFILL_TICKS_MAX) {
      throw wrong('/from', `the range has more than ${BACKFILL_TICKS_MAX} ticks; ask for a shorter one`);
    }
    const decisions: NewDecision[] = [];
    for (const fireAt of ticks) decisions.push(await this.tick(schedule, fireAt, by));
    this.signals.announce('workflows');
    return decisions;
  }

  private tick(schedule: ScheduleEntity, fireAt: Date, by: string | null): Promise<NewDecision> {
    return this.dataSource.transaction(async (manager) => {
      const workflow = await manager.findOneByOrFail(WorkflowEntity, { id: schedule.workflowId });
      const fired = await this.scheduler.fire(manager, {
        schedule,
        workflow,
        fireAt,
        trigger: 'backfill',
        by,
      });
      const decision: NewDecision = {
        scheduleId: schedule.id,
        fireAt,
        kind: 'backfill',
        outcome: 'refused' in fired ? 'refused' : 'fired',
        reason: 'refused' in fired ? fired.refused : `Asked for${by === null ? '' : ` by ${by}`}.`,
        runId: fired.runId,
        decidedBy: by,
      };
      if (await this.store.insertDecision(manager, decision)) return decision;
      return { ...decision, outcome: 'refused', reason: 'This tick has started a run before.', runId: null };
    });
  }
}

function wrong(pointer: string, message: string): ValidationError {
  const violation: Violation = { pointer, code: 'BAD_RANGE', message };
  return new ValidationError([violation]);
}
