import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { dialectOf } from '../database/portable-data-source.js';
import { execute, sqlClock } from '../database/statements.js';
import type { TaskStatsDto } from './dto/task-stats.dto.js';
import { LateResults } from './queue/late-results.js';
import { TASK_STATUSES } from './task-status.js';

type Counts = Pick<TaskStatsDto, 'by_status' | 'by_type'>;

/** How many tasks there are, and how fast they go. */
@Injectable()
export class TaskStats {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly late: LateResults,
  ) {}

  async stats(): Promise<TaskStatsDto> {
    return {
      ...(await this.counts()),
      ...(await this.waiting()),
      ...(await this.finished()),
      late_results: await this.late.count(),
    };
  }

  /** Every status is named, also those that no task has. */
  async counts(): Promise<Counts> {
    const { rows } = await this.query(
      'SELECT type, status, count(*) AS count FROM tasks GROUP BY type, status',
    );
    const counts: Counts = {
      by_status: Object.fromEntries(TASK_STATUSES.map((status) => [status, 0])),
      by_type: {},
    };
    for (const { type, status, count } of rows as { type: string; status: string; count: number }[]) {
      counts.by_status[status] += Number(count);
      counts.by_type[type] = { ...counts.by_type[type], [status]: Number(count) };
    }
    return counts;
  }

  private async waiting(): Promise<Pick<TaskStatsDto, 'oldest_queued_seconds'>> {
    const { now } = sqlClock(this.dataSource);
    const age =
      dialectOf(this.dataSource.options) === 'postgres'
        ? `EXTRACT(EPOCH FROM (${now} - min(run_at)))`
        : `(julianday('now') - julianday(min(run_at))) * 86400`;
    const { rows } = await this.query(
      `SELECT ${age} AS age FROM tasks WHERE status = 'queued' AND hold IS NULL`,
    );
    const seconds = rows[0]?.['age'] ?? null;
    return {
      oldest_queued_seconds:
        seconds === null ? null : Math.max(0, Math.round(Number(seconds) * 1_000) / 1_000),
    };
  }

  private async finished(): Promise<Pick<TaskStatsDto, 'finished_last_minute' | 'finished_last_hour'>> {
    const clock = sqlClock(this.dataSource);
    const { rows } = await this.query(
      `SELECT count(CASE WHEN completed_at > ${clock.after('-60')} THEN 1 END) AS minute, count(*) AS hour
       FROM tasks WHERE completed_at > ${clock.after('-3600')}`,
    );
    return {
      finished_last_minute: Number(rows[0]?.['minute'] ?? 0),
      finished_last_hour: Number(rows[0]?.['hour'] ?? 0),
    };
  }

  private query(sql: string): ReturnType<typeof execute> {
    return execute(this.dataSource.manager, sql);
  }
}
