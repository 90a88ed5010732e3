import { Injectable, Logger } from '@nestjs/common';
import { Rounds } from '../common/rounds.js';
import { Trouble } from '../common/trouble.js';
import { Signals } from '../signals/signals.js';
import { CallbackDelivery } from './callback-delivery.js';
import { CallbackQueue, type ClaimedCallback } from './callback-queue.js';
import { WebhookSigner } from './webhook-signer.js';

/** Requests that this process has open at once. */
const OPEN_MAX = 8;

/** What is due later, and what other processes wrote, is found by looking; what ends here is announced. */
const LOOK_MS = 5_000;

/** Receivers answer within it, so that a restart of the tower seldom makes one hear something twice. */
const STOP_GRACE_MS = 5_000;

/**
 * Delivers callbacks: started and stopped by the orchestrator in every process whose role includes the worker; any number
 * of them share one database.
 */
@Injectable()
export class CallbacksService {
  private readonly logger = new Logger('Callbacks');
  private readonly open = new Map<ClaimedCallback, Promise<void>>();
  private readonly trouble = new Trouble(this.logger);
  private readonly claiming = new Rounds(() =>
    this.trouble.watch('claiming callbacks', () => this.beginAll()),
  );
  private running: { halt: AbortController; unsubscribe: () => void; timer: NodeJS.Timeout } | null = null;

  constructor(
    private readonly signer: WebhookSigner,
    private readonly queue: CallbackQueue,
    private readonly delivery: CallbackDelivery,
    private readonly signals: Signals,
  ) {}

  /** @throws ConfigurationError when there is no usable secret */
  start(): void {
    if (this.running !== null) return;
    this.signer.open();
    this.running = {
      halt: new AbortController(),
      unsubscribe: this.signals.on('callbacks', () => void this.claiming.ask()),
      timer: setInterval(() => void this.claiming.ask(), LOOK_MS),
    };
    void this.claiming.ask();
  }

  /** Begins nothing more. Resolves when no request is open: what has no answer within 5 s is given back. */
  async stop(): Promise<void> {
    if (this.running === null) return;
    const { halt, unsubscribe, timer } = this.running;
    this.running = null;
    unsubscribe();
    clearInterval(timer);
    await this.claiming.settled();
    const grace = setTimeout(() => halt.abort(), STOP_GRACE_MS);
    await Promise.all(this.open.values());
    clearTimeout(grace);
  }

  private async beginAll(): Promise<void> {
    while (await this.beginNext());
  }

  private async beginNext(): Promise<boolean> {
    const free = OPEN_MAX - this.open.size;
    if (this.running === null || free === 0) return false;
    const { signal } = this.running.halt;
    const callback = await this.queue.claim(this.crowdedHosts(free));
    if (callback === null) return false;
    const ended = this.delivery.deliver(callback, signal).finally(() => {
      this.open.delete(callback);
      void this.claiming.ask();
    });
    this.open.set(callback, ended);
    return true;
  }

  /**
   * A host gets a request more while it has fewer open than are free: one receiver alone uses half of them, and one that
   * hangs leaves room for the others, without anybody knowing how many there are.
   */
  private crowdedHosts(free: number): string[] {
    const hosts = [...this.open.keys()].map(({ host }) => host);
    return [...new Set(hosts)].filter((host) => hosts.filter((each) => each === host).length >= free);
  }
}
