import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { execute } from '../database/statements.js';
import { EventSubscribers } from './event-subscribers.js';

export interface EventFacts {
  /** Events that nobody has looked at yet. */
  pending_events: number;
  /** Deliveries that wait, go on or will be tried again; and those that are dead. */
  open_deliveries: number;
  dead_deliveries: number;
  /** Those whom this process knows, and others for whom something is open or dead. */
  subscribers: Record<string, { open: number; dead: number }>;
}

/** How long the queues of events are, over all processes. Reads small indexes only. */
@Injectable()
export class EventStats {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly known: EventSubscribers,
  ) {}

  async read(): Promise<EventFacts> {
    const pending = await this.count(
      `SELECT '' AS subscriber, count(*) AS count FROM events WHERE status = 'pending'`,
    );
    const open = await this.bySubscriber(`status IN ('pending', 'processing', 'failed')`);
    const dead = await this.bySubscriber(`status = 'dead'`);
    const names = [...this.known.list().map(({ name }) => name), ...open.keys(), ...dead.keys()];
    const subscribers = [...new Set(names)]
      .sort()
      .map((name) => [name, { open: open.get(name) ?? 0, dead: dead.get(name) ?? 0 }] as const);
    return {
      pending_events: pending.get('') ?? 0,
      open_deliveries: sum(open),
      dead_deliveries: sum(dead),
      subscribers: Object.fromEntries(subscribers),
    };
  }

  private bySubscriber(where: string): Promise<Map<string, number>> {
    return this.count(
      `SELECT subscriber, count(*) AS count FROM event_deliveries WHERE ${where} GROUP BY subscriber`,
    );
  }

  private async count(sql: string): Promise<Map<string, number>> {
    const { rows } = await execute(this.dataSource.manager, sql);
    return new Map(rows.map((row) => [row['subscriber'] as string, Number(row['count'])]));
  }
}

function sum(counts: Map<string, number>): number {
  return [...counts.values()].reduce((total, count) => total + count, 0);
}
