import { Injectable, Logger } from '@nestjs/common';
import { SchedulerRegistry } from '@nestjs/schedule';
import { Trouble } from '../common/trouble.js';
import { Settings } from '../config/settings.js';
import { RETAINED, RetentionService } from './retention.service.js';

const INTERVAL = 'retention';
const HOUR_MS = 3_600_000;

/** Retention by the clock: every hour, what is older than JCT_RETENTION_DAYS goes. Several processes do no harm. */
@Injectable()
export class RetentionSchedule {
  private readonly logger = new Logger('Retention');
  private readonly trouble = new Trouble(this.logger);
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
    for (const what of RETAINED) {
      await this.trouble.watch(`removing old ${what}`, async () => {
        const { removed } = await this.retention.sweep(
          { what, olderThanDays, dryRun: false },
          this.stopping.signal,
        );
        if (removed > 0) this.logger.log(`Removed ${removed} ${what} older than ${olderThanDays} days`);
      });
    }
  }
}
