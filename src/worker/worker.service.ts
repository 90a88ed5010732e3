import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { Injectable, Logger } from '@nestjs/common';
import { Settings } from '../config/settings.js';
import { Signals } from '../signals/signals.js';
import { LeaseKeeper } from './lease-keeper.js';
import { Slots } from './slots.js';
import { WorkerSchedule } from './worker-schedule.js';

export type WorkerStatus = 'stopped' | 'running' | 'draining';

/** The worker of this process: started and stopped by the orchestrator. It begins a task the moment work is announced. */
@Injectable()
export class WorkerService {
  /** Unique among all workers that ever lived: host, process, and a random part, since process ids come again. */
  readonly id = `${hostname().slice(0, 80)}:${process.pid}:${randomBytes(4).toString('hex')}`;
  private readonly logger = new Logger('Worker');
  private current: WorkerStatus = 'stopped';
  private unsubscribe = (): void => undefined;

  constructor(
    private readonly settings: Settings,
    private readonly signals: Signals,
    private readonly slots: Slots,
    private readonly leases: LeaseKeeper,
    private readonly schedule: WorkerSchedule,
  ) {}

  get status(): WorkerStatus {
    return this.current;
  }

  /** Tasks that run in this process now. */
  get busy(): number {
    return this.slots.busy;
  }

  async start(): Promise<void> {
    const { workerConcurrency, workerQueues } = this.settings;
    this.current = 'running';
    this.leases.start();
    this.slots.open(this.id);
    this.unsubscribe = this.signals.on('work', () => void this.slots.fill());
    await this.schedule.start(this.id);
    this.logger.log(`Worker ${this.id} has ${workerConcurrency} slots for ${workerQueues.join(', ')}`);
  }

  /**
   * Takes no more tasks, lets those that run finish within the grace, then stops them and gives them back to the queue.
   * Resolves when no run is left.
   */
  async stop(): Promise<void> {
    if (this.current !== 'running') return;
    this.current = 'draining';
    this.unsubscribe();
    const { shutdownGraceSeconds } = this.settings;
    if (this.busy > 0)
      this.logger.log(`${this.busy} tasks run; they may finish within ${shutdownGraceSeconds} s`);
    const grace = setTimeout(() => this.giveBack(), shutdownGraceSeconds * 1_000);
    await this.slots.close();
    clearTimeout(grace);
    this.leases.stop();
    await this.schedule.stop(this.id);
    this.current = 'stopped';
  }

  /** Ends the grace now: what runs is stopped and queued again. */
  giveBack(): void {
    if (this.busy > 0) this.logger.warn(`${this.busy} tasks are stopped and given back to the queue`);
    this.slots.stopAll('shutdown');
  }
}
