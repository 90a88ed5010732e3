import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { dialectOf } from '../../database/portable-data-source.js';
import { execute, type SqlClock, sqlClock } from '../../database/statements.js';

const DAY_SECONDS = 86_400;

/** Removing what is over: small transactions that take rows nobody else has locked, so that claims never wait for them. */
@Injectable()
export class FinishedTasks {
  private readonly clock: SqlClock;
  private readonly skipLocked: string;

  constructor(@InjectDataSource() private readonly dataSource: DataSource) {
    this.clock = sqlClock(dataSource);
    this.skipLocked = dialectOf(dataSource.options) === 'postgres' ? 'FOR UPDATE SKIP LOCKED' : '';
  }

  /** Tasks that ended more than `days` ago. */
  async count(days: number): Promise<number> {
    const sql = `SELECT count(*) AS count FROM tasks WHERE completed_at < ${this.clock.after('$1')}`;
    const { rows } = await execute(this.dataSource.manager, sql, [-days * DAY_SECONDS]);
    return Number(rows[0]?.['count'] ?? 0);
  }

  /** Deletes up to `limit` of them with their runs and callbacks, oldest first. @returns their ids */
  async remove(days: number, limit: number): Promise<string[]> {
    return this.dataSource.transaction(async (manager) => {
      const { rows } = await execute(
        manager,
        // MATERIALIZED, as for a claim: evaluated twice, the subquery would give more than the limit.
        `WITH picked AS MATERIALIZED (
           SELECT id FROM tasks WHERE completed_at < ${this.clock.after('$1')}
           ORDER BY completed_at LIMIT $2 ${this.skipLocked})
         DELETE FROM tasks WHERE id IN (SELECT id FROM picked) RETURNING id`,
        [-days * DAY_SECONDS, limit],
      );
      const ids = rows.map((row) => row['id'] as string);
      if (ids.length === 0) return ids;
      const places = ids.map((_, index) => `$${index + 1}`).join(', ');
      for (const table of ['task_runs', 'callbacks']) {
        await execute(manager, `DELETE FROM ${table} WHERE task_id IN (${places})`, ids);
      }
      return ids;
    });
  }

  /** Of these ids, those whose task has not ended, or ended less than `days` ago: their traces are kept. */
  async stillNeeded(ids: readonly string[], days: number): Promise<Set<string>> {
    const { rows } = await execute(
      this.dataSource.manager,
      `SELECT id FROM tasks WHERE id IN (${ids.map((_, index) => `$${index + 2}`).join(', ')})
         AND (completed_at IS NULL OR completed_at >= ${this.clock.after('$1')})`,
      [-days * DAY_SECONDS, ...ids],
    );
    return new Set(rows.map((row) => row['id'] as string));
  }
}
