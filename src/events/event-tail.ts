import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { isId } from '../common/ids.js';
import { dialectOf } from '../database/portable-data-source.js';
import { execute, hydrate } from '../database/statements.js';
import { EventEntity } from './event.entity.js';

/** After which event a reader goes on. */
export type TailPosition = { row: number } | { at: Date; id: string };

export interface TailPart {
  events: EventEntity[];
  position: TailPosition;
  /** There are newer ones, which may not be shown yet: look again soon. */
  more: boolean;
}

const PART_EVENTS_MAX = 100;
const FIRST_ID = '00000000-0000-0000-0000-000000000000';

/** A transaction is seen by others so much later than it began. */
const UNSEEN_MS = 100;

/** No transaction of the tower lasts longer; somebody else's, e.g. a backup, must not hold the stream for hours. */
const TRANSACTION_MS_MAX = 15_000;

/**
 * Events in the order in which they became visible, without gaps: one that is written by a transaction which ends late is
 * not passed over by a reader who has already seen a younger one.
 *
 * SQLite has one writer, so the order of its rows is that of the commits. On PostgreSQL the time of an event is the
 * beginning of its transaction: nothing is shown that is younger than the oldest transaction which still goes on.
 */
@Injectable()
export class EventTail {
  private readonly postgres: boolean;

  constructor(@InjectDataSource() private readonly dataSource: DataSource) {
    this.postgres = dialectOf(dataSource.options) === 'postgres';
  }

  /** @param lastSeen id of an event; null, or what is no id, means that only what comes from now on is read */
  async positionAfter(lastSeen: string | null): Promise<TailPosition> {
    const id = lastSeen !== null && isId(lastSeen) ? lastSeen : null;
    if (this.postgres) return this.timeAfter(id);
    const [{ rowid: newest }] = await this.rows('SELECT COALESCE(max(rowid), 0) AS rowid FROM events');
    if (id === null) return { row: Number(newest) };
    const [known] = await this.rows('SELECT rowid FROM events WHERE id = $1', [id]);
    if (known !== undefined) return { row: Number(known['rowid']) };
    // Old, and deleted meanwhile: on with the first that is younger.
    const [next] = await this.rows('SELECT min(rowid) - 1 AS rowid FROM events WHERE id > $1', [id]);
    return { row: Number(next['rowid'] ?? newest) };
  }

  /** The next events, at most 100. */
  read(position: TailPosition): Promise<TailPart> {
    return 'row' in position ? this.readRows(position.row) : this.readTimes(position.at, position.id);
  }

  private async timeAfter(id: string | null): Promise<TailPosition> {
    if (id === null) return { at: await this.horizon(), id: FIRST_ID };
    const [known] = await this.rows('SELECT created_at FROM events WHERE id = $1', [id]);
    if (known !== undefined) return { at: known['created_at'] as Date, id };
    const [next] = await this.rows('SELECT min(created_at) AS at FROM events WHERE id > $1', [id]);
    return { at: (next['at'] as Date | null) ?? (await this.horizon()), id: FIRST_ID };
  }

  private async readRows(row: number): Promise<TailPart> {
    const sql = `SELECT *, rowid AS row FROM events WHERE rowid > $1 ORDER BY rowid LIMIT ${PART_EVENTS_MAX}`;
    const rows = await this.rows(sql, [row]);
    const last = Number(rows.at(-1)?.['row'] ?? row);
    return { events: this.events(rows), position: { row: last }, more: rows.length === PART_EVENTS_MAX };
  }

  private async readTimes(at: Date, id: string): Promise<TailPart> {
    // Asked before the events are read: what was going on by then has ended, or is younger.
    const horizon = await this.horizon();
    const rows = await this.rows(
      `SELECT * FROM events WHERE (created_at, id) > ($1, $2) ORDER BY created_at, id LIMIT ${PART_EVENTS_MAX}`,
      [at, id],
    );
    const events = this.events(rows).filter(({ createdAt }) => createdAt < horizon);
    const last = events.at(-1);
    const position = last === undefined ? { at, id } : { at: last.createdAt, id: last.id };
    return { events, position, more: rows.length > events.length || rows.length === PART_EVENTS_MAX };
  }

  /** What is older has been committed, or never will be. */
  private async horizon(): Promise<Date> {
    const [{ horizon }] = await this.rows(
      `SELECT date_trunc('milliseconds', GREATEST(min(xact_start), now() - make_interval(secs => $1::double precision / 1000))
           - make_interval(secs => $2::double precision / 1000)) AS horizon
       FROM pg_stat_activity WHERE datname = current_database() AND usename = current_user`,
      [TRANSACTION_MS_MAX, UNSEEN_MS],
    );
    return horizon as Date;
  }

  private async rows(sql: string, parameters: unknown[] = []): Promise<Record<string, unknown>[]> {
    return (await execute(this.dataSource.manager, sql, parameters)).rows;
  }

  private events(rows: Record<string, unknown>[]): EventEntity[] {
    const metadata = this.dataSource.getMetadata(EventEntity);
    return rows.map((row) => hydrate<EventEntity>(metadata, row));
  }
}
