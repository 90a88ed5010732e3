import { Injectable, Logger } from '@nestjs/common';
import { Rounds } from '../common/rounds.js';
import { Trouble } from '../common/trouble.js';
import { Settings } from '../config/settings.js';
import type { StopReason } from '../task-types/executor.js';
import { TaskTypeRegistry } from '../task-types/task-type-registry.js';
import { type ClaimedTask, TaskQueue } from '../tasks/queue/task-queue.js';
import { ActiveRun } from './active-run.js';
import { DiskGuard } from './disk-guard.js';
import { LeaseKeeper } from './lease-keeper.js';
import { TaskRunner } from './task-runner.js';

/** The runs of this process, and the claiming of as many more as fit. The only caller of `claim`. */
@Injectable()
export class Slots {
  private readonly logger = new Logger('Worker');
  private readonly runs = new Map<ActiveRun, Promise<void>>();
  private readonly trouble = new Trouble(this.logger);
  private readonly claiming = new Rounds(() => this.trouble.watch('claiming', () => this.claimAll()));
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
    await this.claiming.settled();
    while (this.runs.size > 0) await Promise.all(this.runs.values());
  }

  stopAll(reason: StopReason): void {
    for (const run of this.runs.keys()) run.stop(reason);
  }

  /** Claims what fits. Never rejects; called again while it claims, it looks once more afterwards. */
  fill(): Promise<void> {
    return this.claiming.ask();
  }

  private async claimAll(): Promise<void> {
    for (const queue of this.settings.workerQueues) await this.claimFrom(queue);
  }

  private async claimFrom(queue: string): Promise<void> {
    const free = this.settings.workerConcurrency - this.busy;
    if (free <= 0 || (await this.disk.problem()) !== null) return;
    // After the wait: it may have been closed meanwhile.
    const workerId = this.claimant;
    if (workerId === null) return;
    const askedAt = performance.now();
    const claimant = {
      workerId,
      queue,
      types: this.types.names(),
      leaseSeconds: this.settings.leaseSeconds,
    };
    const trustedUntil = this.leases.trustedUntil(askedAt);
    const claimed = await this.queue.claim(claimant, free);
    for (const task of claimed) {
      if (performance.now() < trustedUntil) this.begin(new ActiveRun(task, trustedUntil));
      else this.leave(task);
    }
  }

  /** This process was frozen, or the answer long under way: by now another worker may run the task. */
  private leave({ id, runId }: ClaimedTask): void {
    this.logger.warn(
      `Run ${runId} of task ${id}: its lease was over before it was known here, it is not begun`,
    );
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
