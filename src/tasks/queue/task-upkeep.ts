import { Injectable, Logger } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { isDatabaseUnavailable } from '../../database/database-errors.js';
import { dialectOf } from '../../database/portable-data-source.js';
import { execute, hydrate, type SqlClock, sqlClock } from '../../database/statements.js';
import { Signals } from '../../signals/signals.js';
import { TaskEntity } from '../task.entity.js';
import { announceEnd } from './callback-outbox.js';
import type { Ending } from './ending.js';
import { promoteNext } from './concurrency-key.js';
import { lostRunEnding } from './lost-run.js';
import { recordEnds } from './task-events.js';
import { type Settled, TaskQueue } from './task-queue.js';

/** Rows that one round handles, so that no statement holds locks for long; the next round takes the rest. */
const BATCH = 500;

/**
 * Whether the worker of a running task has, or had, runs of other tasks that it did not end. The row of a run with which
 * its task was given up says `failed`.
 */
const HAD_COMPANY = `
  EXISTS (SELECT 1 FROM tasks others
          WHERE others.status = 'running' AND others.worker_id = tasks.worker_id AND others.id <> tasks.id)
  OR EXISTS (SELECT 1 FROM task_runs
             WHERE task_runs.worker_id = tasks.worker_id AND task_runs.task_id <> tasks.id
               AND failure_reason = 'worker_lost' AND task_runs.status IN ('lost', 'failed'))`;

/**
 * What time does to stored tasks, whoever calls it: any process may, at any moment, and several at once do no harm,
 * since every step is a guarded statement. No leader is needed.
 */
@Injectable()
export class TaskUpkeep {
  private readonly logger = new Logger('Tasks');
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

  /**
   * Ends the runs whose worker has been silent for longer than its lease.
   *
   * @param mayJudge asked after the leases were read: whether the clock that they were compared with can be believed
   * @param random from 0 to 1: what keeps tasks that were lost together apart
   * @returns what happened to each
   */
  async reap(
    mayJudge: () => Promise<boolean> = () => Promise.resolve(true),
    random: () => number = Math.random,
  ): Promise<{ taskId: string; runId: string; workerId: string; status: string }[]> {
    const { rows } = await execute(
      this.dataSource.manager,
      `SELECT run_id, worker_id, lease_expires_at,
         (SELECT count(*) FROM task_runs WHERE task_id = tasks.id AND task_runs.status = 'lost') AS lost,
         CASE WHEN ${HAD_COMPANY} THEN 1 ELSE 0 END AS company
       FROM tasks WHERE status = 'running' AND lease_expires_at < ${this.clock.now}
       ORDER BY lease_expires_at LIMIT ${BATCH}`,
    );
    const reaped = [];
    for (const row of (await mayJudge()) ? rows : []) {
      const [runId, workerId] = [row['run_id'] as string, row['worker_id'] as string];
      const lost = {
        workerId,
        lostRuns: Number(row['lost']) + 1,
        hadCompany: Number(row['company']) === 1,
      };
      const settled = await this.endLost(runId, lostRunEnding(lost, random));
      if (settled.kept)
        reaped.push({ taskId: settled.task.id, runId, workerId, status: settled.task.status });
    }
    return reaped;
  }

  /** A row that cannot be changed is told of, and does not keep the others from their turn. */
  private async endLost(runId: string, ending: Ending): Promise<Settled> {
    try {
      return await this.queue.settleExpired(runId, ending, null);
    } catch (error) {
      if (isDatabaseUnavailable(error)) throw error;
      this.logger.error(`Run ${runId} of a dead worker could not be ended: ${(error as Error).message}`);
      return { kept: false };
    }
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
