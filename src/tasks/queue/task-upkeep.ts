import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { dialectOf } from '../../database/portable-data-source.js';
import { execute, hydrate, type SqlClock, sqlClock } from '../../database/statements.js';
import { Signals } from '../../signals/signals.js';
import { TaskEntity } from '../task.entity.js';
import { announceEnd } from './callback-outbox.js';
import type { Ending } from './ending.js';
import { promoteNext } from './concurrency-key.js';
import { recordEnds } from './task-events.js';
import { TaskQueue } from './task-queue.js';

/** Lost runs after which a task is taken for one that kills its workers. */
export const LOST_RUNS_MAX = 3;

/** Rows that one round handles, so that no statement holds locks for long; the next round takes the rest. */
const BATCH = 500;

/**
 * What time does to stored tasks, whoever calls it: any process may, at any moment, and several at once do no harm,
 * since every step is a guarded statement. No leader is needed.
 */
@Injectable()
export class TaskUpkeep {
  private readonly clock: SqlClock;
  private readonly skipLocked: string;

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly queue: TaskQueue,
    private readonly signals: Signals,
  ) {
    this.clock = sqlClock(dataSource);
    this.skipLocked = dialectOf(dataSource.options) === 'postgres' ? 'FOR UPDATE SKIP LOCKED' : '';
  }

  /** Lets through the tasks whose `run_at` has come. One indexed statement when nothing is due. */
  async promoteDue(): Promise<number> {
    const { rows, affected } = await execute(
      this.dataSource.manager,
      `UPDATE tasks SET hold = CASE WHEN concurrency_key IS NULL THEN NULL ELSE 'key' END
       WHERE id IN (SELECT id FROM tasks WHERE hold = 'schedule' AND run_at <= ${this.clock.now}
                    ORDER BY run_at LIMIT ${BATCH} ${this.skipLocked})
       RETURNING concurrency_key`,
    );
    await this.promote(rows.map((row) => row['concurrency_key'] as string | null));
    if (affected > 0) this.signals.announce('work');
    return affected;
  }

  /** Ends the runs whose worker has been silent for longer than its lease. @returns what happened to each */
  async reap(): Promise<{ taskId: string; runId: string; workerId: string; status: string }[]> {
    const { rows } = await execute(
      this.dataSource.manager,
      `SELECT run_id, worker_id, lease_expires_at,
         (SELECT count(*) FROM task_runs WHERE task_id = tasks.id AND task_runs.status = 'lost') AS lost
       FROM tasks WHERE status = 'running' AND lease_expires_at < ${this.clock.now}
       ORDER BY lease_expires_at LIMIT ${BATCH}`,
    );
    const reaped = [];
    for (const row of rows) {
      const [runId, workerId] = [row['run_id'] as string, row['worker_id'] as string];
      const ending = lostRun(workerId, Number(row['lost']) + 1);
      const settled = await this.queue.settleExpired(runId, ending, null);
      if (settled.kept)
        reaped.push({ taskId: settled.task.id, runId, workerId, status: settled.task.status });
    }
    return reaped;
  }

  /** Fails the tasks that were not started before their `expires_at`. */
  async failExpired(): Promise<number> {
    const expired = await this.dataSource.transaction(async (manager) => {
      const { rows } = await execute(
        manager,
        `UPDATE tasks SET status = 'failed', hold = NULL, failure_reason = 'expired', completed_at = ${this.clock.now},
           updated_at = ${this.clock.now}, error = 'The task was not started before its expires_at.'
         WHERE id IN (SELECT id FROM tasks WHERE status = 'queued' AND attempt = 0 AND expires_at <= ${this.clock.now}
                      ORDER BY expires_at LIMIT ${BATCH} ${this.skipLocked})
         RETURNING *`,
      );
      const tasks = rows.map((row) => hydrate<TaskEntity>(manager.dataSource.getMetadata(TaskEntity), row));
      await recordEnds(manager, this.clock, tasks);
      return tasks;
    });
    for (const task of expired) announceEnd(this.signals, task);
    // After the commit: a key's lock, waited for while rows of many keys are held, could end in a deadlock.
    await this.promote(expired.map(({ concurrencyKey }) => concurrencyKey));
    return expired.length;
  }

  /** Safety net: a key that nobody holds although tasks wait for it, e.g. after rows were deleted by hand. */
  async promoteFreeKeys(): Promise<number> {
    const { rows } = await execute(
      this.dataSource.manager,
      `SELECT DISTINCT concurrency_key FROM tasks waiting
       WHERE hold = 'key' AND NOT EXISTS (
         SELECT 1 FROM tasks WHERE concurrency_key = waiting.concurrency_key
           AND (status = 'running' OR (status = 'queued' AND hold IS NULL)))
       LIMIT ${BATCH}`,
    );
    return this.promote(rows.map((row) => row['concurrency_key'] as string));
  }

  private async promote(keys: (string | null)[]): Promise<number> {
    // Sorted: two processes that lock the same keys do so in the same order.
    const distinct = [...new Set(keys.filter((key) => key !== null))].sort();
    let promoted = 0;
    for (const key of distinct) {
      if (await this.dataSource.transaction((manager) => promoteNext(manager, key))) promoted += 1;
    }
    if (promoted > 0) this.signals.announce('work');
    return promoted;
  }
}

/** Queued again, unless it has cost so many workers that it must be the cause. */
function lostRun(workerId: string, lostRuns: number): Ending {
  const message = `Worker ${workerId} died or lost its database while it ran the task.`;
  if (lostRuns < LOST_RUNS_MAX) return { status: 'lost', failure: { reason: 'worker_lost', message } };
  return {
    status: 'failed',
    failure: {
      reason: 'worker_lost',
      message: `${message} This was the ${lostRuns}. time; it is not tried again.`,
    },
    result: null,
  };
}
