import type { JsonObject } from '../common/json.js';
import type { ClaimedDelivery, DeliveryEnding } from './delivery-queue.js';
import type { EventSubscriber } from './event-subscribers.js';

/** Deliveries that killed so many processes, or outlived so many leases, are taken for the cause. */
const LOST_ATTEMPTS_MAX = 5;

/** Why an attempt is broken off from outside. */
export type BreakOff = 'stopping' | 'lost';

/**
 * One attempt at telling one subscriber of one event. It ends when the handler does, when its time is over or when it is
 * broken off, whichever comes first: a handler that never ends keeps nobody waiting.
 */
export class DeliveryAttempt {
  private readonly aborter = new AbortController();
  private tellBroken!: (reason: BreakOff) => void;
  // After tellBroken, which would be reset otherwise.
  private readonly broken = new Promise<BreakOff>((resolve) => (this.tellBroken = resolve));

  constructor(
    readonly delivery: ClaimedDelivery,
    private readonly subscriber: EventSubscriber,
  ) {}

  breakOff(reason: BreakOff): void {
    this.tellBroken(reason);
    this.aborter.abort(new Error(reason === 'lost' ? 'Another process has taken over.' : 'The tower stops.'));
  }

  /** Never rejects. */
  async run(): Promise<DeliveryEnding | BreakOff> {
    if (this.delivery.lostAttempts >= LOST_ATTEMPTS_MAX) {
      const error = `The process died during each of ${LOST_ATTEMPTS_MAX} attempts.`;
      return { status: 'dead', error };
    }
    const { timeoutSeconds } = this.subscriber;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<DeliveryEnding>((resolve) => {
      timer = setTimeout(() => {
        const error = `It did not end within ${timeoutSeconds} s.`;
        resolve({ status: 'failed', error });
        this.aborter.abort(new Error(error));
      }, timeoutSeconds * 1_000);
    });
    const ending = await Promise.race([this.handle(), late, this.broken]);
    clearTimeout(timer);
    return ending;
  }

  private async handle(): Promise<DeliveryEnding> {
    const { event, attempt, id: deliveryId } = this.delivery;
    const { signal } = this.aborter;
    try {
      const outcome: JsonObject | null = await this.subscriber.handle(event, { attempt, deliveryId, signal });
      return { status: 'completed', outcome };
    } catch (error) {
      return { status: 'failed', error: messageOf(error) };
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}
