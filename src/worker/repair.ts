import { Injectable, Logger } from '@nestjs/common';
import { Trouble } from '../common/trouble.js';
import { TaskTypeRegistry } from '../task-types/task-type-registry.js';
import { ClockWatch } from '../tasks/clock-watch.js';
import { TaskUpkeep } from '../tasks/queue/task-upkeep.js';
import { WorkerPresence } from './worker-presence.js';

/** How much was put right: runs of dead workers, tasks that were not started in time, keys without a holder, silent workers. */
export type PutRight = Record<'lost' | 'expired' | 'freed' | 'silent', number>;

/** Puts right what dead workers, and time that has passed, left behind. Any process may, and several at once do no harm. */
@Injectable()
export class Repair {
  private readonly logger = new Logger('Worker');
  private readonly trouble = new Trouble(this.logger);

  constructor(
    private readonly types: TaskTypeRegistry,
    private readonly upkeep: TaskUpkeep,
    private readonly presence: WorkerPresence,
    private readonly clock: ClockWatch,
  ) {}

  async putRight(): Promise<PutRight> {
    const reaped = await this.upkeep.reap(() => this.clock.leasesCanBeJudged());
    for (const { taskId, workerId, status } of reaped) {
      this.logger.warn(`Worker ${workerId} is gone; task ${taskId} is ${status}`);
    }
    if (reaped.length > 0) await this.abandon(new Set(reaped.map(({ runId }) => runId)));
    const expired = await this.upkeep.failExpired();
    if (expired > 0)
      this.logger.log(`${expired} tasks were not started before their expires_at and have failed`);
    const freed = await this.upkeep.promoteFreeKeys();
    const silent = await this.presence.forgetSilent();
    return { lost: reaped.length, expired, freed, silent };
  }

  /** A dead worker's plain processes live on where no sandbox dies with it: a task that has ended must have none. */
  private async abandon(runIds: ReadonlySet<string>): Promise<void> {
    const executors = new Set(this.types.all().map(({ executor }) => executor));
    for (const executor of executors)
      await this.trouble.watch('ending what dead workers left', async () => executor.abandon?.(runIds));
  }
}
