import { EventEmitter } from 'node:events';
import { Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { Relay } from './relay.js';
import type { Topic } from './topic.js';

/**
 * Hints between rooms, and between processes where there is a relay: "look now instead of at the next poll". A hint may
 * get lost or come twice, and nobody relies on one; the database is the truth.
 */
export class Signals implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('Signals');
  private readonly emitter = new EventEmitter().setMaxListeners(0);

  /** @param relay the way to the other processes; without one, hints stay in this process */
  constructor(private readonly relay?: Relay) {}

  /** Tells the listeners of this process now and those of the others soon. Never throws, never waits. */
  announce(topic: Topic): void {
    this.tell(topic);
    this.relay?.send(topic);
  }

  /** Calls the listener at each announcement until the returned function is called. The listener must not throw. */
  on(topic: Topic, listener: () => void): () => void {
    this.emitter.on(topic, listener);
    return () => void this.emitter.off(topic, listener);
  }

  /** Resolves at the next announcement of one of the topics, after the time, or when the signal is aborted. */
  next(topics: readonly Topic[], milliseconds: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        for (const unsubscribe of unsubscribes) unsubscribe();
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, milliseconds);
      const unsubscribes = topics.map((topic) => this.on(topic, done));
      signal.addEventListener('abort', done);
    });
  }

  onApplicationBootstrap(): void {
    this.relay?.start((topic) => this.tell(topic));
  }

  /** After the rooms have stopped, so that what they announced last still leaves. */
  async onApplicationShutdown(): Promise<void> {
    await this.relay?.stop();
  }

  private tell(topic: Topic): void {
    try {
      this.emitter.emit(topic);
    } catch (error) {
      this.logger.error(`A listener to ${topic} failed`, (error as Error).stack);
    }
  }
}
