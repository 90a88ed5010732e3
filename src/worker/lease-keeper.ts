import { Injectable, Logger } from '@nestjs/common';
import { Trouble } from '../common/trouble.js';
import { Settings } from '../config/settings.js';
import { Signals } from '../signals/signals.js';
import { TaskQueue } from '../tasks/queue/task-queue.js';
import type { ActiveRun } from './active-run.js';

/** Of the lease, the last sixth is not trusted: time for the child to die before anybody else may claim the task. */
const MARGIN = 1 / 6;

/** While the database does not answer, a renewal is tried again after this time instead of at the next heartbeat. */
const RETRY_MS = 1_000;

/**
 * Holds the leases of this process's runs. A run whose lease could not be renewed in time is stopped here, by the
 * monotonic clock, before another worker may take its task: neither a dead database nor a process that was frozen for
 * an hour makes two runs report.
 */
@Injectable()
export class LeaseKeeper {
  private readonly logger = new Logger('Worker');
  private readonly runs = new Map<string, { run: ActiveRun; unsubscribe: () => void }>();
  private readonly leaseMs: number;
  private readonly trouble = new Trouble(this.logger);
  private timer: NodeJS.Timeout | undefined;
  private nextRenewal = 0;
  private renewing = false;

  constructor(
    private readonly settings: Settings,
    private readonly queue: TaskQueue,
    private readonly signals: Signals,
  ) {
    this.leaseMs = settings.leaseSeconds * 1_000;
  }

  /** From when a lease that is asked for at `askedAt` (performance.now()) may no longer be believed in. */
  trustedUntil(askedAt: number): number {
    return askedAt + this.leaseMs * (1 - MARGIN);
  }

  start(): void {
    const tickMs = Math.min(500, this.leaseMs / 40);
    this.nextRenewal = performance.now() + this.settings.heartbeatSeconds * 1_000;
    this.timer = setInterval(() => this.tick(), tickMs);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  hold(run: ActiveRun): void {
    const unsubscribe = this.signals.on(`cancel:${run.id}`, () => run.stop('cancelled'));
    this.runs.set(run.id, { run, unsubscribe });
  }

  letGo(run: ActiveRun): void {
    this.runs.get(run.id)?.unsubscribe();
    this.runs.delete(run.id);
  }

  private tick(): void {
    const now = performance.now();
    for (const { run } of this.runs.values()) {
      if (now < run.trustedUntil || run.stopReason === 'lease_lost') continue;
      this.logger.error(
        `Run ${run.id} of task ${run.task.id}: the lease could not be renewed in time, stopping it`,
      );
      run.stop('lease_lost');
    }
    if (now >= this.nextRenewal && !this.renewing) void this.renew(now);
  }

  private async renew(askedAt: number): Promise<void> {
    const heartbeatMs = this.settings.heartbeatSeconds * 1_000;
    const held = [...this.runs.keys()];
    this.nextRenewal = askedAt + (held.length === 0 ? heartbeatMs : RETRY_MS);
    if (held.length === 0) return;
    this.renewing = true;
    await this.trouble.watch('renewing leases', async () => {
      const renewed = await this.queue.renew(held, this.settings.leaseSeconds);
      this.nextRenewal = askedAt + heartbeatMs;
      for (const runId of held) this.apply(runId, renewed.get(runId), askedAt);
    });
    this.renewing = false;
  }

  private apply(runId: string, lease: { cancelRequested: boolean } | undefined, askedAt: number): void {
    const run = this.runs.get(runId)?.run;
    // It ended while the answer was under way.
    if (run === undefined) return;
    if (lease === undefined) {
      this.logger.error(`Run ${runId} of task ${run.task.id}: the lease is gone, stopping it`);
      run.stop('lease_lost');
      return;
    }
    run.trustedUntil = this.trustedUntil(askedAt);
    if (lease.cancelRequested) run.stop('cancelled');
  }
}
