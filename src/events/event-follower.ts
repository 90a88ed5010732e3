import { Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { Settings } from '../config/settings.js';
import { Signals } from '../signals/signals.js';
import { matches } from './event-pattern.js';
import { EventTail, type TailPosition } from './event-tail.js';
import type { EventEntity } from './event.entity.js';

/** What may not be shown yet is looked at again after this time. */
const SOON_MS = 50;

/** Reads events as they come, of all processes. */
@Injectable()
export class EventFollower {
  constructor(
    private readonly settings: Settings,
    private readonly signals: Signals,
    private readonly tail: EventTail,
  ) {}

  /** From now on, or after the event that was seen last. */
  begin(lastSeen: string | null): Promise<TailPosition> {
    return this.tail.positionAfter(lastSeen);
  }

  /**
   * Every event after the position: each once, none left out. Reads on as the consumer asks for more.
   *
   * @param gone ends it
   */
  async *follow(pattern: string, from: TailPosition, gone: AbortSignal): AsyncGenerator<EventEntity> {
    let position = from;
    while (!gone.aborted) {
      // Subscribed before looking: what happens in between is not missed.
      const changed = this.signals.next(['events'], this.settings.pollIntervalMs, gone);
      const part = await this.tail.read(position);
      ({ position } = part);
      for (const event of part.events) if (matches(pattern, event.type)) yield event;
      if (!part.more) await changed;
      else if (part.events.length === 0)
        await sleep(SOON_MS, undefined, { signal: gone }).catch(() => undefined);
    }
  }
}
