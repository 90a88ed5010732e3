import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { dialectOf } from '../../database/portable-data-source.js';
import { execute, type SqlClock, sqlClock } from '../../database/statements.js';

const DAY_SECONDS = 86_400;

/** Removing runs that are over, and decisions about ticks: small transactions that take rows nobody else has locked. */
@Injectable()
export class OldRuns {
  private readonly clock: SqlClock;
  private readonly skipLocked: string;

  constructor(@InjectDataSource() private readonly dataSource: DataSource) {
    this.clock = sqlClock(dataSource);
    this.skipLocked = dialectOf(dataSource.options) === 'postgres' ? 'FOR UPDATE SKIP LOCKED' : '';
  }

  /** Runs that ended more than `days` ago. */
  async count(days: number): Promise<number> {
    const sql = `SELECT count(*) AS count FROM workflow_runs WHERE finished_at < ${this.clock.after('$1')}`;
    const { rows } = await execute(this.dataSource.manager, sql, [-days * DAY_SECONDS]);
    return Number(rows[0]?.['count'] ?? 0);
  }

  /** Deletes up to `limit` of them with their steps, oldest first, and as many decisions of that age. @returns ids of the runs */
  async remove(days: number, limit: number): Promise<string[]> {
    const age = [-days * DAY_SECONDS, limit];
    const old = this.clock.after('$1');
    return this.dataSource.transaction(async (manager) => {
      await execute(
        manager,
        `DELETE FROM schedule_decisions WHERE id IN (
           SELECT id FROM schedule_decisions WHERE decided_at < ${old} ORDER BY id LIMIT $2 ${this.skipLocked})`,
        age,
      );
      const { rows } = await execute(
        manager,
        `DELETE FROM workflow_runs WHERE id IN (
           SELECT id FROM workflow_runs WHERE finished_at < ${old} ORDER BY finished_at LIMIT $2 ${this.skipLocked})
         RETURNING id`,
        age,
      );
      const ids = rows.map((row) => row['id'] as string);
      if (ids.length === 0) return ids;
      const places = ids.map((_, index) => `$${index + 1}`).join(', ');
      await execute(manager, `DELETE FROM workflow_steps WHERE run_id IN (${places})`, ids);
      return ids;
    });
  }
}
