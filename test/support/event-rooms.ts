import { setTimeout as delay } from 'node:timers/promises';
import { readSettings } from '../../src/config/settings.js';
import type { PortableDataSource } from '../../src/database/portable-data-source.js';
import { DeliveryQueue } from '../../src/events/delivery-queue.js';
import { DeliverySlots } from '../../src/events/delivery-slots.js';
import { EventDeliveryEntity } from '../../src/events/event-delivery.entity.js';
import { EventDispatch } from '../../src/events/event-dispatch.js';
import { EventLog } from '../../src/events/event-log.js';
import { type EventSubscriber, EventSubscribers } from '../../src/events/event-subscribers.js';
import { EventEntity } from '../../src/events/event.entity.js';
import { EventsService } from '../../src/events/events.service.js';
import type { NewEvent } from '../../src/events/insert-events.js';
import { Signals } from '../../src/signals/signals.js';
import { towerDataSource } from './tower-data-source.js';

/** One process's view of events: the real rooms over a connection of their own. */
export class EventRooms {
  readonly signals = new Signals();
  readonly subscribers = new EventSubscribers();
  readonly log: EventLog;
  readonly dispatch: EventDispatch;
  readonly queue: DeliveryQueue;
  readonly service: EventsService;

  private constructor(
    readonly dataSource: PortableDataSource,
    environment: Record<string, string>,
  ) {
    const settings = readSettings({
      JCT_POLL_INTERVAL_MS: '50',
      JCT_SHUTDOWN_GRACE_SECONDS: '0',
      ...environment,
    });
    this.log = new EventLog(dataSource, this.signals);
    this.dispatch = new EventDispatch(dataSource, this.subscribers);
    this.queue = new DeliveryQueue(dataSource, this.signals);
    const slots = new DeliverySlots(settings, this.subscribers, this.queue);
    this.service = new EventsService(
      settings,
      this.signals,
      this.subscribers,
      this.dispatch,
      this.queue,
      slots,
    );
  }

  static async open(databaseUrl: string, environment: Record<string, string> = {}): Promise<EventRooms> {
    return new EventRooms(await towerDataSource(databaseUrl), environment);
  }

  /** Adds a subscriber to `test.*` whose handler returns null, but for what is given. */
  subscribe(subscriber: Partial<EventSubscriber> & { name: string }): () => void {
    return this.subscribers.add({
      handles: ['test.*'],
      timeoutSeconds: 30,
      maxAttempts: 3,
      concurrency: 5,
      handle: () => Promise.resolve(null),
      ...subscriber,
    });
  }

  async record(event: Partial<NewEvent> = {}): Promise<string> {
    return (await this.log.record({ type: 'test.happened', source: 'test', data: {}, ...event })).event.id;
  }

  event(id: string): Promise<EventEntity> {
    return this.dataSource.manager.findOneByOrFail(EventEntity, { id });
  }

  /** The deliveries of an event by the names of their subscribers. */
  async deliveries(eventId: string): Promise<Record<string, EventDeliveryEntity>> {
    const found = await this.dataSource.manager.findBy(EventDeliveryEntity, { eventId });
    return Object.fromEntries(found.map((delivery) => [delivery.subscriber, delivery]));
  }

  /** The event when all its deliveries have ended. */
  async ended(id: string): Promise<EventEntity> {
    for (;;) {
      const event = await this.event(id);
      if (event.processedAt !== null) return event;
      await delay(10);
    }
  }

  /** Lets what an event waits for be due now, as if the clock had gone on. */
  async hurry(eventId: string, seconds = 1): Promise<void> {
    await this.dataSource
      .createQueryBuilder()
      .update(EventDeliveryEntity)
      .set({ nextAttemptAt: new Date(Date.now() - seconds * 1_000) })
      .where('event_id = :eventId AND next_attempt_at IS NOT NULL', { eventId })
      .execute();
  }

  async close(): Promise<void> {
    await this.service.stop();
    await this.dataSource.destroy();
  }
}
