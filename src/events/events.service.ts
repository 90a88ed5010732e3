import { Injectable, Logger } from '@nestjs/common';
import { Rounds } from '../common/rounds.js';
import { Trouble } from '../common/trouble.js';
import { Settings } from '../config/settings.js';
import { Signals } from '../signals/signals.js';
import { DeliveryQueue } from './delivery-queue.js';
import { DeliverySlots } from './delivery-slots.js';
import { DISPATCH_BATCH, EventDispatch } from './event-dispatch.js';
import { EventSubscribers } from './event-subscribers.js';

/** Events come in bursts: those that come within this time are looked at in one transaction. */
const GATHER_MS = 25;

const ABANDON_INTERVAL_MS = 60_000;

/** Handlers end within it, so that a restart of the tower seldom makes one hear something twice. */
const STOP_GRACE_MS = 5_000;

interface Running {
  unsubscribe: () => void;
  timers: NodeJS.Timeout[];
}

/**
 * Brings events to those whom they interest: started and stopped by the orchestrator in every process whose role includes
 * the worker; any number of them share one database, and none leads.
 */
@Injectable()
export class EventsService {
  private readonly trouble = new Trouble(new Logger('Events'));
  private readonly dispatching = new Rounds(() =>
    this.trouble.watch('dispatching events', () => this.dispatchAll()),
  );
  private readonly delivering = new Rounds(() =>
    this.trouble.watch('delivering events', () => this.beginAll()),
  );
  private gathering: NodeJS.Timeout | null = null;
  private running: Running | null = null;

  constructor(
    private readonly settings: Settings,
    private readonly signals: Signals,
    private readonly subscribers: EventSubscribers,
    private readonly dispatch: EventDispatch,
    private readonly queue: DeliveryQueue,
    private readonly slots: DeliverySlots,
  ) {}

  start(): void {
    if (this.running !== null) return;
    this.slots.start();
    this.running = {
      unsubscribe: this.signals.on('events', () => this.look()),
      timers: [
        setInterval(() => this.look(), this.settings.pollIntervalMs),
        setInterval(() => void this.renew(), this.settings.heartbeatSeconds * 1_000),
        setInterval(() => void this.abandon(), ABANDON_INTERVAL_MS),
      ],
    };
    this.look();
  }

  /** Begins nothing more. Resolves when no handler is at work: what has not ended within 5 s, or the grace, is given back. */
  async stop(): Promise<void> {
    if (this.running === null) return;
    const { unsubscribe, timers } = this.running;
    unsubscribe();
    clearTimeout(this.gathering ?? undefined);
    this.gathering = null;
    const [look, renew, abandon] = timers;
    clearInterval(look);
    clearInterval(abandon);
    this.running = null;
    await this.dispatching.settled();
    await this.delivering.settled();
    await this.slots.stop(Math.min(STOP_GRACE_MS, this.settings.shutdownGraceSeconds * 1_000));
    clearInterval(renew);
  }

  private look(): void {
    if (this.running === null) return;
    this.gathering ??= setTimeout(() => {
      this.gathering = null;
      void this.dispatching.ask();
      void this.delivering.ask();
    }, GATHER_MS);
  }

  private async dispatchAll(): Promise<void> {
    for (let more = true; more && this.running !== null;) {
      const { events, told } = await this.dispatch.dispatch();
      if (told > 0) {
        void this.delivering.ask();
        // Other processes have places as well.
        this.signals.announce('events');
      }
      more = events === DISPATCH_BATCH;
    }
  }

  private async beginAll(): Promise<void> {
    if (this.running !== null) await this.slots.begin(() => void this.delivering.ask());
  }

  private renew(): Promise<void> {
    return this.trouble.watch('keeping deliveries', () => this.slots.renew());
  }

  private abandon(): Promise<void> {
    const known = this.subscribers.list().map(({ name }) => name);
    return this.trouble.watch('looking for lost subscribers', () => this.queue.abandon(known));
  }
}
