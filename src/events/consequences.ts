import { Injectable } from '@nestjs/common';
import type { EventCause } from './event.entity.js';

/** Something that a cause led to directly. */
export interface Consequence {
  kind: 'event' | 'task' | 'workflow_run';
  id: string;
  /** Type of the event or task, name of the workflow. */
  type: string;
  status: string;
  createdAt: Date;
}

/** Finds up to `limit` things of one kind, oldest first. */
export type ConsequenceFinder = (cause: EventCause, limit: number) => Promise<Consequence[]>;

const OF_EACH_KIND_MAX = 100;

/** Joins what the rooms above know of the consequences of an event; each of them adds its finder when it is built. */
@Injectable()
export class Consequences {
  private readonly finders: ConsequenceFinder[] = [];

  add(finder: ConsequenceFinder): void {
    this.finders.push(finder);
  }

  /** Oldest first; at most 100 of each kind. */
  async of(cause: EventCause): Promise<Consequence[]> {
    const found = await Promise.all(this.finders.map((finder) => finder(cause, OF_EACH_KIND_MAX)));
    return found
      .flat()
      .sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime() || (a.id < b.id ? -1 : 1));
  }
}
