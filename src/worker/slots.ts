import { Injectable, Logger } from '@nestjs/common';
import { Settings } from '../config/settings.js';
import type { StopReason } from '../task-types/executor.js';
import { TaskTypeRegistry } from '../task-types/task-type-registry.js';
import { TaskQueue } from '../tasks/queue/task-queue.js';
import { ActiveRun } from './active-run.js';
import { DiskGuard } from './disk-guard.js';
import { LeaseKeeper } from './lease-keeper.js';
import { TaskRunner } from './task-runner.js';
import { Trouble } from './trouble.js';

/** The runs of this process, and the claiming of as many more as fit. The only caller of `claim`. */
@Injectable()
export class Slots {
  private readonly logger = new Logger('Worker');
  private readonly runs = new Map<ActiveRun, Promise<void>>();
  private filling: Promise<void> | null = null;
  private askedMeanwhile = false;
  private readonly trouble = new Trouble();
  private claimant: string | null = null;

  constructor(
    private readonly settings: Settings,
    private readonly types: TaskTypeRegistry,
    private readonly queue: TaskQueue,
    private readonly runner: TaskRunner,
    private readonly leases: LeaseKeeper,
    private readonly disk: DiskGuard,
  ) {}

  get busy(): number {
    return this.runs.size;
  }

  /** From now on fill() claims, in the name of this worker. */
  open(workerId: string): void {
    this.claimant = workerId;
  }

  /** From now on nothing is claimed. Resolves when the last run has ended. */
  async close(): Promise<void> {
    this.claimant = null;
    await this.filling;
    while (this.runs.size > 0) await Promise.all(this.runs.values());
  }

  stopAll(reason: StopReason): void {
    for (const run of this.runs.keys()) run.stop(reason);
  }

  /** Claims what fits. Never rejects; called again while it claims, it looks once more afterwards. */
  fill(): Promise<void> {
    this.askedMeanwhile = true;
    this.filling ??= this.fillOnce();
    return this.filling;
  }

  private async fillOnce(): Promise<void> {
    await this.trouble.watch('claiming', async () => {
      while (this.askedMeanwhile) {
        this.askedMeanwhile = false;
        for (const queue of this.settings.workerQueues) await this.claimFrom(queue);
      }
    });
    this.filling = null;
    // Asked between the last look and this line: without another round it would be forgotten until the next poll.
    if (this.askedMeanwhile && this.claimant !== null) void this.fill();
  }

  private async claimFrom(queue: string): Promise<void> {
    const free = this.settings.workerConcurrency - this.busy;
    if (this.claimant === null || free <= 0 || (await this.disk.problem()) !== null) return;
    const askedAt = performance.now();
    const claimant = {
      workerId: this.claimant,
      queue,
      types: this.types.names(),
      leaseSeconds: this.settings.leaseSeconds,
    };
    for (const task of await this.queue.claim(claimant, free)) {
      this.begin(new ActiveRun(task, this.leases.trustedUntil(askedAt)));
    }
  }

  private begin(run: ActiveRun): void {
    this.leases.hold(run);
    const ended = this.runner
      .run(run)
      .catch((error: unknown) => this.logger.error(`Run ${run.id} broke`, (error as Error).stack))
      .finally(() => {
        this.leases.letGo(run);
        this.runs.delete(run);
        void this.fill();
      });
    this.runs.set(run, ended);
  }
}
