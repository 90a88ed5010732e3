import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { PortableDataSource } from '../database/portable-data-source.js';
import { execute, hydrate, insertSql, type SqlClock, sqlClock } from '../database/statements.js';
import { WorkerEntity } from './worker.entity.js';

export type WorkerState = Omit<WorkerEntity, 'startedAt' | 'heartbeatAt'>;

/** Who works: for /status and for the answer to "why does my task not run". Never asked when a lease is decided. */
@Injectable()
export class WorkerRegistry {
  private readonly clock: SqlClock;

  constructor(@InjectDataSource() private readonly dataSource: PortableDataSource) {
    this.clock = sqlClock(dataSource);
  }

  /** Says that this worker lives, and what it does. */
  async beat(worker: WorkerState): Promise<void> {
    const metadata = this.dataSource.getMetadata(WorkerEntity);
    const { sql, parameters } = insertSql(metadata, worker as WorkerEntity, {
      startedAt: this.clock.now,
      heartbeatAt: this.clock.now,
    });
    await this.dataSource.beat(
      `${sql} ON CONFLICT (id) DO UPDATE SET heartbeat_at = ${this.clock.now}, busy = excluded.busy,
         paused = excluded.paused, clock_skew_ms = excluded.clock_skew_ms`,
      parameters,
    );
  }

  async leave(id: string): Promise<void> {
    await execute(this.dataSource.manager, 'DELETE FROM workers WHERE id = $1', [id]);
  }

  /** Workers that were heard of within the last `seconds`, oldest first. */
  async living(seconds: number): Promise<WorkerEntity[]> {
    const { rows } = await execute(
      this.dataSource.manager,
      `SELECT * FROM workers WHERE heartbeat_at > ${this.clock.after('$1')} ORDER BY started_at, id`,
      [-seconds],
    );
    return rows.map((row) => hydrate<WorkerEntity>(this.dataSource.getMetadata(WorkerEntity), row));
  }

  /** Forgets the workers that have been silent for longer than `seconds`. */
  async forgetSilent(seconds: number): Promise<number> {
    const sql = `DELETE FROM workers WHERE heartbeat_at < ${this.clock.after('$1')}`;
    return (await execute(this.dataSource.manager, sql, [-seconds])).affected;
  }
}
