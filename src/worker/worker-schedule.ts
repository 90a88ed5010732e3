import { Injectable, Logger } from '@nestjs/common';
import { SchedulerRegistry } from '@nestjs/schedule';
import { Trouble } from '../common/trouble.js';
import { Settings } from '../config/settings.js';
import { TaskUpkeep } from '../tasks/queue/task-upkeep.js';
import { Repair } from './repair.js';
import { Slots } from './slots.js';
import { WorkerPresence } from './worker-presence.js';

/** What a worker does by the clock. Each job runs at most once at a time, and a failing one is logged and tried again. */
@Injectable()
export class WorkerSchedule {
  private readonly logger = new Logger('Worker');
  private readonly trouble = new Trouble(this.logger);
  private readonly names: string[] = [];

  constructor(
    private readonly settings: Settings,
    private readonly scheduler: SchedulerRegistry,
    private readonly upkeep: TaskUpkeep,
    private readonly slots: Slots,
    private readonly presence: WorkerPresence,
    private readonly repair: Repair,
  ) {}

  /** Puts right what a crash left behind, and says what that was, before the first task begins. */
  async start(workerId: string): Promise<void> {
    const { pollIntervalMs, heartbeatSeconds, reapIntervalSeconds } = this.settings;
    await this.every('worker-presence', heartbeatSeconds * 1_000, () => this.presence.beat(workerId));
    await this.trouble.watch('worker-start', () => this.reconcile());
    await this.every('worker-upkeep', reapIntervalSeconds * 1_000, () => this.repair.putRight());
    await this.every('worker-poll', pollIntervalMs, async () => {
      await this.upkeep.promoteDue();
      await this.slots.fill();
    });
  }

  async stop(workerId: string): Promise<void> {
    for (const name of this.names.splice(0)) this.scheduler.deleteInterval(name);
    await this.trouble.watch('worker-presence', () => this.presence.leave(workerId));
  }

  private async every(name: string, milliseconds: number, job: () => Promise<unknown>): Promise<void> {
    let running = false;
    const round = async (): Promise<void> => {
      if (running) return;
      running = true;
      await this.trouble.watch(name, job);
      running = false;
    };
    await round();
    this.scheduler.addInterval(
      name,
      setInterval(() => void round(), milliseconds),
    );
    this.names.push(name);
  }

  /** What this process finds at its start. Runs of workers that died a moment ago follow when their leases run out. */
  private async reconcile(): Promise<void> {
    const due = await this.upkeep.promoteDue();
    const { lost, expired, freed, silent } = await this.repair.putRight();
    this.logger.log(
      `At the start: ${lost} runs of dead workers ended, ${expired} tasks expired, ${due} became due, ` +
        `${freed} concurrency keys freed, ${silent} silent workers forgotten`,
    );
  }
}
