import { Injectable } from '@nestjs/common';
import type { JsonObject } from '../common/json.js';
import { matches } from './event-pattern.js';
import type { EventEntity } from './event.entity.js';

export interface DeliveryContext {
  /** 1 for the first. */
  attempt: number;
  /** The same at every attempt: what the handler does under this name, it does once. */
  deliveryId: string;
  /** Aborted when the time is over, when the process stops, and when another process has taken over. */
  signal: AbortSignal;
}

/**
 * Somebody who is told of events. Each event that it handles reaches it at least once, in any one of the processes that
 * know it; a second time only after a failure, a timeout or the death of a process.
 *
 * @example
 * ```ts
 * const remove = subscribers.add({
 *   name: 'agent:pager',
 *   handles: ['infrastructure.*', 'task.failed'],
 *   timeoutSeconds: 30,
 *   maxAttempts: 5,
 *   concurrency: 2,
 *   wants: (event) => (event.priority === 'low' ? 'Low priority wakes nobody.' : null),
 *   handle: async (event, { deliveryId, signal }) => ({ page: await page(event, deliveryId, signal) }),
 * });
 * ```
 */
export interface EventSubscriber {
  /** Unique and lasting, at most 128 characters: deliveries are stored under it. `agent:x`, `workflow:y`. */
  name: string;
  /** Types or patterns, see matches(). */
  handles: readonly string[];
  /** An attempt that takes longer has failed, whether or not its handler ever ends. */
  timeoutSeconds: number;
  /** After so many failed attempts the delivery is dead. */
  maxAttempts: number;
  /** Attempts at once in one process. */
  concurrency: number;
  /** null: yes; else the reason why not, which is stored with a skipped delivery. Asked once for each event; must not wait for anything. */
  wants?(event: EventEntity): string | null;
  /**
   * @returns what came of it, stored with the delivery
   * @throws Error when the attempt has failed: it is made again, later and later
   */
  handle(event: EventEntity, context: DeliveryContext): Promise<JsonObject | null>;
}

/**
 * Who is told of events, in this process. Every process whose role includes the worker must know the same ones: whichever
 * comes first looks at an event, and writes down whom it interests.
 */
@Injectable()
export class EventSubscribers {
  private readonly byName = new Map<string, EventSubscriber>();

  /** @returns takes it away again: what is open for it then waits until it comes back. @throws Error when the name is taken */
  add(subscriber: EventSubscriber): () => void {
    const { name } = subscriber;
    if (this.byName.has(name)) throw new Error(`There are two subscribers to events named "${name}".`);
    this.byName.set(name, subscriber);
    return () => {
      if (this.byName.get(name) === subscriber) this.byName.delete(name);
    };
  }

  list(): readonly EventSubscriber[] {
    return [...this.byName.values()];
  }

  find(name: string): EventSubscriber | undefined {
    return this.byName.get(name);
  }

  /** Those whom events of this type interest. */
  of(type: string): EventSubscriber[] {
    return this.list().filter(({ handles }) => handles.some((pattern) => matches(pattern, type)));
  }
}
