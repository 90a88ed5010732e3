import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource, type EntityManager } from 'typeorm';
import type { JsonObject } from '../../common/json.js';
import { execute, hydrate, insertSql, type SqlClock, sqlClock } from '../../database/statements.js';
import { Signals } from '../../signals/signals.js';
import { isTerminal } from '../task-status.js';
import { TaskEntity } from '../task.entity.js';
import { announceEnd } from './callback-outbox.js';
import { lockKey, promoteNext } from './concurrency-key.js';
import { recordEnds } from './task-events.js';

/** A row for insertion: what the database does not decide. */
export type NewTask = Omit<TaskEntity, 'createdAt' | 'updatedAt' | 'runAt' | 'hold'> & { runAt: Date | null };

/** What people do to stored tasks: hand in, cancel, retry. Guarded statements, as in TaskQueue. */
@Injectable()
export class TaskControl {
  private readonly clock: SqlClock;

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly signals: Signals,
  ) {
    this.clock = sqlClock(dataSource);
  }

  /**
   * Stores a task; when this resolves it is committed and flushed.
   *
   * @returns null when a task with the same idempotency key exists: the unique index decides, so of any number of
   *   concurrent equal requests exactly one is stored
   */
  async insert(task: NewTask): Promise<{ createdAt: Date } | null> {
    const metadata = this.dataSource.getMetadata(TaskEntity);
    const hold = task.runAt !== null ? 'schedule' : task.concurrencyKey !== null ? 'key' : null;
    const row = { ...task, hold: task.status === 'queued' ? hold : null } as TaskEntity;
    const now = this.clock.now;
    const { sql, parameters } = insertSql(metadata, row, {
      createdAt: now,
      updatedAt: now,
      ...(task.runAt === null ? { runAt: now } : {}),
    });
    const insert = async (manager: EntityManager): Promise<{ createdAt: Date } | null> => {
      const statement = `${sql} ON CONFLICT (idempotency_key) DO NOTHING RETURNING created_at`;
      const { rows } = await execute(manager, statement, parameters);
      if (rows[0] === undefined) return null;
      if (row.hold === 'key') await promoteNext(manager, row.concurrencyKey!);
      const { createdAt } = hydrate<TaskEntity>(metadata, rows[0]);
      return { createdAt };
    };
    const inserted = await (row.hold === 'key'
      ? this.dataSource.transaction(insert)
      : insert(this.dataSource.manager));
    if (inserted !== null && row.hold !== 'schedule') this.signals.announce('work');
    return inserted;
  }

  /**
   * Cancels a task that waits, at once; asks the worker of a running one to stop it. Cancelling again changes nothing.
   *
   * @returns the task; null when it does not exist. Its status is `completed` or `failed` when it was too late
   */
  async cancel(id: string, reason: string): Promise<TaskEntity | null> {
    // A task may go from running to queued between the two statements; then the first one takes it in the next round.
    for (;;) {
      const task =
        (await this.cancelWaiting(id, reason)) ?? (await this.askToStop(id)) ?? (await this.find(id));
      if (task === null || isTerminal(task.status) || task.cancelRequestedAt !== null) return task;
    }
  }

  private async cancelWaiting(id: string, reason: string): Promise<TaskEntity | null> {
    const cancelled = await this.change(
      id,
      `UPDATE tasks SET status = 'cancelled', hold = NULL, completed_at = ${this.clock.now}, updated_at = ${this.clock.now},
         cancel_requested_at = COALESCE(cancel_requested_at, ${this.clock.now}), failure_reason = 'cancelled', error = $2
       WHERE id = $1 AND status IN ('pending', 'queued') RETURNING *`,
      [id, reason],
    );
    if (cancelled !== null) announceEnd(this.signals, cancelled);
    return cancelled;
  }

  private async askToStop(id: string): Promise<TaskEntity | null> {
    const asked = await this.change(
      id,
      `UPDATE tasks SET cancel_requested_at = COALESCE(cancel_requested_at, ${this.clock.now}), updated_at = ${this.clock.now}
       WHERE id = $1 AND status = 'running' RETURNING *`,
      [id],
    );
    if (asked !== null) this.signals.announce(`cancel:${asked.runId!}`);
    return asked;
  }

  /**
   * Queues a failed or cancelled task once more, as the same task, with one more attempt and the verdict that allowed it.
   *
   * @returns the task; null when it does not exist. Unchanged when it waits or runs already, or has completed
   */
  async retry(id: string, policy: JsonObject): Promise<TaskEntity | null> {
    const retried = await this.change(
      id,
      `UPDATE tasks SET status = 'queued', max_attempts = attempt - excused_runs + 1, policy = $2,
         hold = CASE WHEN concurrency_key IS NULL THEN NULL ELSE 'key' END, run_at = ${this.clock.now}, expires_at = NULL,
         cancel_requested_at = NULL, completed_at = NULL, failure_reason = NULL, error = NULL, result = NULL,
         updated_at = ${this.clock.now}
       WHERE id = $1 AND status IN ('failed', 'cancelled') RETURNING *`,
      [id, JSON.stringify(policy)],
    );
    if (retried !== null) this.signals.announce('work');
    return retried ?? this.find(id);
  }

  private async change(id: string, sql: string, parameters: unknown[]): Promise<TaskEntity | null> {
    return this.dataSource.transaction(async (manager) => {
      const key = (await manager.findOne(TaskEntity, { where: { id }, select: { concurrencyKey: true } }))
        ?.concurrencyKey;
      if (key != null) await lockKey(manager, key);
      const { rows } = await execute(manager, sql, parameters);
      if (rows[0] === undefined) return null;
      const task = hydrate<TaskEntity>(this.dataSource.getMetadata(TaskEntity), rows[0]);
      await recordEnds(manager, this.clock, [task]);
      if (key == null || !(task.hold === 'key' || isTerminal(task.status))) return task;
      await promoteNext(manager, key);
      return manager.findOneBy(TaskEntity, { id });
    });
  }

  private find(id: string): Promise<TaskEntity | null> {
    return this.dataSource.manager.findOneBy(TaskEntity, { id });
  }
}
