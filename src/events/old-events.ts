import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { dialectOf } from '../database/portable-data-source.js';
import { execute, type SqlClock, sqlClock } from '../database/statements.js';

const DAY_SECONDS = 86_400;
const ENDED = `status IN ('completed', 'failed')`;

/** Removing events that are over: small transactions that take rows nobody else has locked. */
@Injectable()
export class OldEvents {
  private readonly clock: SqlClock;
  private readonly skipLocked: string;

  constructor(@InjectDataSource() private readonly dataSource: DataSource) {
    this.clock = sqlClock(dataSource);
    this.skipLocked = dialectOf(dataSource.options) === 'postgres' ? 'FOR UPDATE SKIP LOCKED' : '';
  }

  /** Events that were recorded more than `days` ago and have ended. */
  async count(days: number): Promise<number> {
    const sql = `SELECT count(*) AS count FROM events WHERE created_at < ${this.clock.after('$1')} AND ${ENDED}`;
    const { rows } = await execute(this.dataSource.manager, sql, [-days * DAY_SECONDS]);
    return Number(rows[0]?.['count'] ?? 0);
  }

  /** Deletes up to `limit` of them with their deliveries, oldest first. @returns their ids */
  async remove(days: number, limit: number): Promise<string[]> {
    return this.dataSource.transaction(async (manager) => {
      const { rows } = await execute(
        manager,
        // MATERIALIZED, as for a claim: evaluated twice, the subquery would give more than the limit.
        `WITH picked AS MATERIALIZED (
           SELECT id FROM events WHERE created_at < ${this.clock.after('$1')} AND ${ENDED}
           ORDER BY created_at, id LIMIT $2 ${this.skipLocked})
         DELETE FROM events WHERE id IN (SELECT id FROM picked) RETURNING id`,
        [-days * DAY_SECONDS, limit],
      );
      const ids = rows.map((row) => row['id'] as string);
      if (ids.length === 0) return ids;
      const places = ids.map((_, index) => `$${index + 1}`).join(', ');
      await execute(manager, `DELETE FROM event_deliveries WHERE event_id IN (${places})`, ids);
      return ids;
    });
  }
}
