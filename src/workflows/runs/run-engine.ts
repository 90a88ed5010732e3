import { Injectable, Logger } from '@nestjs/common';
import { Rounds } from '../../common/rounds.js';
import { Trouble } from '../../common/trouble.js';
import { Settings } from '../../config/settings.js';
import { Signals } from '../../signals/signals.js';
import { RunRound } from './run-round.js';
import { type ClaimedRun, LeaseLostError, RunStore } from './run-store.js';

/** Runs that one process looks at at once; a look takes milliseconds. */
const LOOKS_AT_ONCE = 4;

/** A process that died is found out after this; the work under a lease is short, and renews it. */
const LEASE_SECONDS_MAX = 15;

/** After a look that failed, for instance without a database. */
const TRY_AGAIN_SECONDS = 5;

/**
 * Brings runs forward: any number of processes share one database, none leads, and each look begins with what is
 * stored, so that one that died is simply followed by the next.
 */
@Injectable()
export class RunEngine {
  private readonly logger = new Logger('Workflows');
  private readonly trouble = new Trouble(this.logger);
  private readonly looking = new Rounds(() => this.trouble.watch('looking at runs', () => this.lookAtAll()));
  private running: { unsubscribes: (() => void)[]; timer: NodeJS.Timeout } | null = null;

  constructor(
    private readonly settings: Settings,
    private readonly signals: Signals,
    private readonly store: RunStore,
    private readonly round: RunRound,
  ) {}

  start(): void {
    if (this.running !== null) return;
    const look = (): void => void this.looking.ask();
    this.running = {
      // An event is recorded with the end of every task.
      unsubscribes: [this.signals.on('workflows', look), this.signals.on('events', look)],
      timer: setInterval(look, this.settings.pollIntervalMs),
    };
    look();
  }

  /** Begins no further look. Resolves when none goes on. */
  async stop(): Promise<void> {
    if (this.running === null) return;
    const { unsubscribes, timer } = this.running;
    this.running = null;
    for (const unsubscribe of unsubscribes) unsubscribe();
    clearInterval(timer);
    await this.looking.settled();
  }

  private async lookAtAll(): Promise<void> {
    await this.store.stir();
    // A look is asked for at the end of every task, and mostly there is no run that cares.
    if (!(await this.store.isDue())) return;
    await Promise.all(Array.from({ length: LOOKS_AT_ONCE }, () => this.drain()));
  }

  private async drain(): Promise<void> {
    while (this.running !== null) {
      const leaseSeconds = Math.min(LEASE_SECONDS_MAX, this.settings.leaseSeconds);
      const claimed = await this.store.claim(leaseSeconds);
      if (claimed === null) return;
      await this.look(claimed, leaseSeconds);
    }
  }

  private async look(run: ClaimedRun, leaseSeconds: number): Promise<void> {
    const claimedMs = performance.now();
    // From the database's clock at the claim on; what passes since is measured here.
    const base = run.leaseExpiresAt.getTime() - leaseSeconds * 1_000;
    const now = (): Date => new Date(base + performance.now() - claimedMs);
    let keptMs = claimedMs;
    const keep = async (): Promise<void> => {
      if (performance.now() - keptMs < (leaseSeconds * 1_000) / 3) return;
      keptMs = performance.now();
      await this.store.renew(run, leaseSeconds);
    };
    try {
      const again = await this.round.look(run, now, keep);
      if (again !== null) await this.store.release(run, again);
      // Whoever waits for this one, as a parent or for its key, may go on.
      else this.signals.announce('workflows');
    } catch (error) {
      if (error instanceof LeaseLostError) return this.logger.debug(error.message);
      await this.store.release(run, TRY_AGAIN_SECONDS).catch(() => undefined);
      throw error;
    }
  }
}
