import { appendFileSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ApiClient } from './api-client.js';

/** A tower with the subscribers of EVENT_SUBSCRIBERS, which write down what they are told. */
export const EVENT_TOWER = resolve('test/support/event-tower.mjs');
export const EVENT_SUBSCRIBERS = ['agent:first', 'agent:second'] as const;

export interface Note {
  what: 'begin' | 'end';
  subscriber: string;
  eventId: string;
  deliveryId: string;
  attempt: number;
  pid: number;
}

/** The file into which the subscribers of all processes write. */
export class EventNotes {
  readonly environment: { EVENT_NOTES: string };

  constructor(folder: string) {
    this.environment = { EVENT_NOTES: join(folder, 'notes.txt') };
    appendFileSync(this.environment.EVENT_NOTES, '');
  }

  read(): Note[] {
    const lines = readFileSync(this.environment.EVENT_NOTES, 'utf8').split('\n').filter(Boolean);
    return lines.map((line) => {
      const [what, subscriber, eventId, deliveryId, attempt, pid] = line.split(' ');
      return {
        what: what as Note['what'],
        subscriber,
        eventId,
        deliveryId,
        attempt: Number(attempt),
        pid: Number(pid),
      };
    });
  }
}

/** Resolves when no event waits or is being delivered. */
export async function allEnded(api: ApiClient): Promise<void> {
  for (const status of ['pending', 'processing'])
    while ((await api.get(`/events?status=${status}&limit=1`)).body.length > 0) await delay(100);
}
