import { Injectable, Logger } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource, type EntityManager } from 'typeorm';
import { AppError } from '../../common/errors.js';
import type { JsonObject } from '../../common/json.js';
import { Signals } from '../../signals/signals.js';
import { RunStarter } from '../runs/run-starter.js';
import type { RunTrigger } from '../runs/workflow-run.entity.js';
import { WorkflowEntity } from '../workflow.entity.js';
import { decideTicks, type TickOutcome } from './decide-ticks.js';
import { ScheduleStore, ticksOf } from './schedule-store.js';
import type { ScheduleEntity } from './schedule.entity.js';

const DUE_AT_ONCE = 50;

/**
 * Decides what becomes of ticks. A decision, the run that it starts and the mark that it was made are one transaction, so
 * each tick is decided once, whatever number of processes look and whenever one of them dies.
 */
@Injectable()
export class Scheduler {
  private readonly logger = new Logger('Schedules');

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly store: ScheduleStore,
    private readonly starter: RunStarter,
    private readonly signals: Signals,
  ) {}

  /** Decides every tick whose time has come. */
  async look(): Promise<void> {
    const due = await this.store.due(DUE_AT_ONCE);
    for (const schedule of due) await this.decide(schedule);
    if (due.length > 0) this.signals.announce('workflows');
  }

  private decide(schedule: ScheduleEntity): Promise<void> {
    return this.dataSource.transaction(async (manager) => {
      const now = await this.store.now(manager);
      // First, so that of several processes one decides and the others wait here, and then find it done.
      if (!(await this.store.decided(manager, schedule, now))) return;
      const workflow = await manager.findOneByOrFail(WorkflowEntity, { id: schedule.workflowId });
      const busy = await this.store.isBusy(manager, schedule.id);
      const ticks = ticksOf(schedule.cron, schedule.timeZone);
      for (const { fireAt, outcome, reason } of decideTicks(
        ticks,
        schedule.decidedUntil,
        now,
        schedule,
        busy,
      )) {
        const started =
          outcome === 'fired' || outcome === 'queued'
            ? await this.fire(manager, { schedule, workflow, fireAt, trigger: 'schedule', by: null })
            : { runId: null };
        await this.store.insertDecision(manager, {
          scheduleId: schedule.id,
          fireAt,
          kind: 'tick',
          outcome: 'refused' in started ? 'refused' : outcome,
          reason: 'refused' in started ? started.refused : reason,
          runId: started.runId,
          decidedBy: null,
        });
      }
    });
  }

  /** Starts the run of one tick, in the transaction of its decision. @returns why it cannot begin, or its id */
  async fire(manager: EntityManager, tick: Tick): Promise<Fired> {
    const { schedule, workflow, fireAt, trigger, by } = tick;
    if (await this.store.hasFired(manager, schedule.id, fireAt)) {
      return { runId: null, refused: 'This tick has started a run before.' };
    }
    try {
      const { run } = await this.starter.start(
        {
          workflow,
          trigger,
          inputs: schedule.inputs,
          event: eventOf(schedule, fireAt),
          idempotencyKey: `schedule:${schedule.id}:${fireAt.toISOString()}`,
          requestedBy: by ?? `schedule:${schedule.name}`,
          scheduleId: schedule.id,
          concurrencyKey: schedule.overlap === 'queue' ? `schedule:${schedule.name}` : null,
        },
        manager,
      );
      return { runId: run.id };
    } catch (error) {
      if (!(error instanceof AppError) || error.status >= 500) throw error;
      const refused = `${error.publicMessage} ${JSON.stringify(error.extensions['errors'] ?? '')}`;
      this.logger.warn(
        `Schedule ${schedule.name} cannot start its run of ${fireAt.toISOString()}: ${refused}`,
      );
      return { runId: null, refused };
    }
  }
}

export interface Tick {
  schedule: ScheduleEntity;
  workflow: WorkflowEntity;
  fireAt: Date;
  trigger: Extract<RunTrigger, 'schedule' | 'backfill'>;
  by: string | null;
}

export type Fired = { runId: string } | { runId: null; refused: string };
export type { TickOutcome };

/** What expressions of the run see as `event`. */
function eventOf({ name }: ScheduleEntity, fireAt: Date): JsonObject {
  return {
    id: null,
    type: 'workflow.schedule',
    source: `schedule:${name}`,
    data: { schedule: name, fire_at: fireAt.toISOString() },
    tags: {},
  };
}
