import { Injectable, Logger } from '@nestjs/common';
import { Rounds } from '../common/rounds.js';
import { Trouble } from '../common/trouble.js';
import { Settings } from '../config/settings.js';
import { Signals } from '../signals/signals.js';
import { CodeWorkflows } from './code-workflows.js';
import { RunEngine } from './runs/run-engine.js';
import { Scheduler } from './schedules/scheduler.js';
import { WorkflowTriggers } from './workflow-triggers.js';

/**
 * Starts workflows at events and times and brings their runs forward: started and stopped by the orchestrator in every
 * process whose role includes the worker; any number of them share one database.
 */
@Injectable()
export class WorkflowsService {
  private readonly trouble = new Trouble(new Logger('Workflows'));
  private readonly refreshing = new Rounds(() =>
    this.trouble.watch('reading the workflows', () => this.triggers.refresh()),
  );
  private readonly scheduling = new Rounds(() =>
    this.trouble.watch('deciding about schedules', () => this.scheduler.look()),
  );
  private running: { unsubscribe: () => void; timer: NodeJS.Timeout } | null = null;

  constructor(
    private readonly settings: Settings,
    private readonly signals: Signals,
    private readonly code: CodeWorkflows,
    private readonly triggers: WorkflowTriggers,
    private readonly engine: RunEngine,
    private readonly scheduler: Scheduler,
  ) {}

  /** @throws Error when a definition in the code is wrong, or cannot be stored */
  async start(): Promise<void> {
    if (this.running !== null) return;
    await this.code.install();
    await this.triggers.refresh();
    this.engine.start();
    this.running = {
      unsubscribe: this.signals.on('workflows', () => void this.refreshing.ask()),
      timer: setInterval(() => this.look(), this.settings.pollIntervalMs),
    };
    this.look();
  }

  /** Resolves when nothing goes on any more; what was decided is stored, and goes on wherever somebody looks next. */
  async stop(): Promise<void> {
    if (this.running === null) return;
    const { unsubscribe, timer } = this.running;
    this.running = null;
    unsubscribe();
    clearInterval(timer);
    await Promise.all([this.refreshing.settled(), this.scheduling.settled()]);
    await this.engine.stop();
    this.triggers.clear();
  }

  private look(): void {
    void this.refreshing.ask();
    void this.scheduling.ask();
  }
}
