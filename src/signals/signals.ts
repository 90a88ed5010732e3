import { EventEmitter } from 'node:events';
import { Injectable } from '@nestjs/common';

/**
 * `work`: a task may be claimed. `settled:<task id>`: it reached a terminal state. `log:<task id>`: its log grew.
 * `cancel:<run id>`: the run shall end. `callbacks`: a callback may be sent.
 */
export type Topic = 'work' | `settled:${string}` | `log:${string}` | `cancel:${string}` | 'callbacks';

/**
 * Hints between rooms: "look now instead of at the next poll". A hint may get lost, and nobody relies on one; the
 * database is the truth.
 */
@Injectable()
export class Signals {
  private readonly emitter = new EventEmitter().setMaxListeners(0);

  announce(topic: Topic): void {
    this.emitter.emit(topic);
  }

  /** Calls the listener at each announcement until the returned function is called. The listener must not throw. */
  on(topic: Topic, listener: () => void): () => void {
    this.emitter.on(topic, listener);
    return () => void this.emitter.off(topic, listener);
  }
}
