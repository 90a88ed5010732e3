import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { Settings } from '../config/settings.js';
import { DeliveryAttempt } from './delivery-attempt.js';
import { type ClaimedDelivery, type DeliveryEnding, DeliveryQueue } from './delivery-queue.js';
import { type EventSubscriber, EventSubscribers } from './event-subscribers.js';

/** How an attempt ended is told to a database that is away for so long; afterwards the attempt is made again. */
const SETTLE_TRIES_MAX = 30;
const SETTLE_AGAIN_MS = 1_000;

/** Attempts that go on in this process. Each subscriber has places of its own, so that none takes those of another. */
@Injectable()
export class DeliverySlots {
  private readonly logger = new Logger('Events');
  private readonly open = new Map<DeliveryAttempt, { subscriber: string; ended: Promise<void> }>();
  private stopping = false;

  constructor(
    private readonly settings: Settings,
    private readonly subscribers: EventSubscribers,
    private readonly queue: DeliveryQueue,
  ) {}

  start(): void {
    this.stopping = false;
  }

  /** Begins what is due and has a place. @param ended called when a place is free again */
  async begin(ended: () => void): Promise<void> {
    for (const name of await this.queue.due()) {
      const subscriber = this.subscribers.find(name);
      if (subscriber === undefined || this.stopping) continue;
      const free = subscriber.concurrency - this.openOf(name);
      if (free <= 0) continue;
      for (const delivery of await this.queue.claim(name, free, this.settings.leaseSeconds))
        this.run(delivery, subscriber, ended);
    }
  }

  /** Prolongs the leases of what goes on; what has lost its lease is broken off: another process does it. */
  async renew(): Promise<void> {
    const attempts = [...this.open.keys()];
    if (attempts.length === 0) return;
    const kept = await this.queue.renew(
      attempts.map(({ delivery }) => delivery),
      this.settings.leaseSeconds,
    );
    for (const attempt of attempts)
      if (this.open.has(attempt) && !kept.has(attempt.delivery.id)) attempt.breakOff('lost');
  }

  /** Begins nothing more. Resolves when nothing goes on: what has not ended by the end of the grace is given back. */
  async stop(graceMs: number): Promise<void> {
    this.stopping = true;
    const halt = setTimeout(() => {
      for (const attempt of this.open.keys()) attempt.breakOff('stopping');
    }, graceMs);
    await Promise.all([...this.open.values()].map(({ ended }) => ended));
    clearTimeout(halt);
  }

  private openOf(name: string): number {
    return [...this.open.values()].filter(({ subscriber }) => subscriber === name).length;
  }

  private run(delivery: ClaimedDelivery, subscriber: EventSubscriber, freed: () => void): void {
    const attempt = new DeliveryAttempt(delivery, subscriber);
    const ended = this.runOnce(attempt, subscriber).finally(() => {
      this.open.delete(attempt);
      freed();
    });
    this.open.set(attempt, { subscriber: subscriber.name, ended });
  }

  private async runOnce(attempt: DeliveryAttempt, subscriber: EventSubscriber): Promise<void> {
    const { delivery } = attempt;
    const ending = await attempt.run();
    if (ending === 'lost') return;
    for (let tries = 1; ; tries += 1) {
      try {
        if (ending === 'stopping') await this.queue.release(delivery);
        else this.tell(delivery, ending, await this.queue.settle(delivery, ending, subscriber.maxAttempts));
        return;
      } catch (error) {
        if (tries === SETTLE_TRIES_MAX || this.stopping) {
          const { message } = error as Error;
          this.logger.warn(`${named(delivery)} could not be recorded, it is made again: ${message}`);
          return;
        }
        await sleep(SETTLE_AGAIN_MS);
      }
    }
  }

  private tell(
    delivery: ClaimedDelivery,
    ending: DeliveryEnding,
    settled: Awaited<ReturnType<DeliveryQueue['settle']>>,
  ): void {
    if (ending.status === 'completed') return;
    if (settled === 'dead')
      this.logger.warn(
        `${named(delivery)} is dead after ${delivery.attempt} attempts (${ending.error}); ` +
          `POST /events/${delivery.eventId}/redeliver begins anew`,
      );
  }
}

function named({ id, event, subscriber }: ClaimedDelivery): string {
  return `Delivery ${id} of ${event.type} to ${subscriber}`;
}
