import { Injectable, Logger } from '@nestjs/common';
import { SchedulerRegistry } from '@nestjs/schedule';
import { Settings } from '../config/settings.js';
import { RETAINED, RetentionService } from './retention.service.js';

const INTERVAL = 'retention';
const HOUR_MS = 3_600_000;

/** Retention by the clock: every hour, what is older than JCT_RETENTION_DAYS goes. Several processes do no harm. */
@Injectable()
export class RetentionSchedule {
  private readonly logger = new Logger('Retention');
  private stopping = new AbortController();
  private round: Promise<void> | null = null;

  constructor(
    private readonly settings: Settings,
    private readonly scheduler: SchedulerRegistry,
    private readonly retention: RetentionService,
  ) {}

  start(): void {
    this.stopping = new AbortController();
    const begin = (): void => {
      this.round ??= this.sweepAll().finally(() => (this.round = null));
    };
    this.scheduler.addInterval(INTERVAL, setInterval(begin, HOUR_MS));
    begin();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    if (this.scheduler.doesExist('interval', INTERVAL)) this.scheduler.deleteInterval(INTERVAL);
    await this.round;
  }

  private async sweepAll(): Promise<void> {
    const olderThanDays = this.settings.retentionDays;
    // Tasks first: a trace whose task is gone is removed in the same round.
    for (const what of [...RETAINED].sort((a) => (a === 'tasks' ? -1 : 1))) {
      try {
        const { removed } = await this.retention.sweep(
          { what, olderThanDays, dryRun: false },
          this.stopping.signal,
        );
        if (removed > 0) this.logger.log(`Removed ${removed} ${what} older than ${olderThanDays} days`);
      } catch (error) {
        this.logger.warn(`Old ${what} could not be removed: ${(error as Error).message}`);
      }
    }
  }
}
