import { Injectable, Logger } from '@nestjs/common';
import { Settings } from '../config/settings.js';
import { CallbacksService } from '../callbacks/callbacks.service.js';
import { RetentionSchedule } from '../retention/retention-schedule.js';
import { WorkerService } from '../worker/worker.service.js';

export type OrchestratorStatus = 'running' | 'stopping' | 'stopped';

/**
 * The one provider that starts and stops what this process does, in order. What a role leaves out is never started: an
 * `api` process claims nothing.
 */
@Injectable()
export class OrchestratorService {
  private readonly logger = new Logger('Orchestrator');
  private current: OrchestratorStatus = 'stopped';
  private stopping: Promise<void> | null = null;

  constructor(
    private readonly settings: Settings,
    private readonly worker: WorkerService,
    private readonly callbacks: CallbacksService,
    private readonly retention: RetentionSchedule,
  ) {}

  get status(): OrchestratorStatus {
    return this.current;
  }

  /** Begins this process's work, once everything else is there. */
  async start(): Promise<void> {
    this.current = 'running';
    if (this.settings.role !== 'api') {
      this.callbacks.start();
      await this.worker.start();
      this.retention.start();
    }
    this.logger.log(`Running as ${this.settings.role}`);
  }

  /**
   * Ends this process's work: readiness fails at once, nothing more is claimed, and what runs may finish within the
   * grace. Called before the server closes, so that logs can be followed to their end.
   */
  stop(): Promise<void> {
    this.stopping ??= this.stopOnce();
    return this.stopping;
  }

  /** Ends the grace: what still runs is given back to the queue now. */
  hurry(): void {
    this.worker.giveBack();
  }

  private async stopOnce(): Promise<void> {
    this.current = 'stopping';
    this.logger.log('Stopping');
    await Promise.all([this.worker.stop(), this.retention.stop()]);
    // Last: what the tasks that just ended have to say still goes out.
    await this.callbacks.stop();
    this.current = 'stopped';
    this.logger.log('Stopped');
  }
}
