import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource, type EntityManager } from 'typeorm';
import { type Dialect } from '../../database/database-url.js';
import { dialectOf } from '../../database/portable-data-source.js';
import { execute, hydrate, type SqlClock, sqlClock } from '../../database/statements.js';
import { Signals } from '../../signals/signals.js';
import { announceEnd } from './callback-outbox.js';
import { claimableSql, claimSql } from './claim-statement.js';
import { promoteNext } from './concurrency-key.js';
import type { Ending } from './ending.js';
import { storableEnding } from './storable-ending.js';
import { insertRun, settleSql } from './settle-statement.js';
import { recordEnds, recordStarts, START_EVENTS } from './task-events.js';
import { isTerminal } from '../task-status.js';
import { TaskEntity } from '../task.entity.js';

export interface Claimant {
  workerId: string;
  /** One queue, and the types that this process can execute. */
  queue: string;
  types: readonly string[];
  leaseSeconds: number;
}

/** A task that was just claimed: its run id and attempt are set. */
export type ClaimedTask = TaskEntity & { runId: string };

/** The lease is gone: somebody else decides about the task, so whatever this run would say is dropped. */
export type Settled = { kept: true; task: TaskEntity } | { kept: false };

/**
 * The only room where a stored task that may run changes its state. Every change is one guarded statement: its WHERE says
 * which state and which run may leave, and no row means that somebody else was first.
 */
@Injectable()
export class TaskQueue {
  private readonly clock: SqlClock;
  private readonly dialect: Dialect;

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly signals: Signals,
  ) {
    this.clock = sqlClock(dataSource);
    this.dialect = dialectOf(dataSource.options);
  }

  /**
   * Takes up to `limit` tasks: most urgent first, then oldest, and names the folder of each run. A task goes to one claimant only, whatever number of
   * processes claim at once (PostgreSQL skips rows that another claim has locked; SQLite has one writer).
   */
  async claim(claimant: Claimant, limit: number): Promise<ClaimedTask[]> {
    const tasks = await this.take(claimant, limit);
    if (tasks.some(({ type }) => START_EVENTS.has(type))) this.signals.announce('events');
    return tasks.sort(
      (a, b) =>
        a.priorityRank - b.priorityRank ||
        a.createdAt.getTime() - b.createdAt.getTime() ||
        compare(a.id, b.id),
    );
  }

  /**
   * Prolongs the leases of these runs. A run that is missing in the answer has lost its lease.
   *
   * @returns for each run that still has its lease, whether it is asked to cancel
   */
  async renew(
    runIds: readonly string[],
    leaseSeconds: number,
  ): Promise<Map<string, { cancelRequested: boolean }>> {
    const { rows } = await execute(
      this.dataSource.manager,
      `UPDATE tasks SET lease_expires_at = ${this.clock.after('$1')}
       WHERE status = 'running' AND run_id IN (${runIds.map((_, index) => `$${index + 2}`).join(', ')})
       RETURNING run_id, cancel_requested_at`,
      [leaseSeconds, ...runIds],
    );
    return new Map(
      rows.map((row) => [row['run_id'] as string, { cancelRequested: row['cancel_requested_at'] !== null }]),
    );
  }

  /**
   * Ends a run: the task's new state, the run's row, the callback, the events and the hand-over of its concurrency key in one
   * transaction, if and only if the run still has its lease. A task whose cancellation was requested is not queued again,
   * but cancelled.
   *
   * @param manifestSha256 seals what the run left on disk; null when that is incomplete
   */
  async settle(runId: string, ending: Ending, manifestSha256: string | null): Promise<Settled> {
    return this.settleGuarded(runId, ending, manifestSha256, '');
  }

  /** As settle(), for a run whose lease ran out: loses against a worker that renewed it in the last moment. */
  async settleExpired(runId: string, ending: Ending, manifestSha256: string | null): Promise<Settled> {
    return this.settleGuarded(runId, ending, manifestSha256, `AND lease_expires_at < ${this.clock.now}`);
  }

  private async settleGuarded(
    runId: string,
    ending: Ending,
    manifestSha256: string | null,
    guard: string,
  ): Promise<Settled> {
    const stored = storableEnding(ending);
    const { sql, parameters } = settleSql(this.clock, runId, stored);
    const settled = await this.dataSource.transaction(async (manager) => {
      const { rows } = await execute(manager, `${sql} ${guard} RETURNING *`, parameters);
      if (rows[0] === undefined) return null;
      const task = this.toTask(rows[0]);
      await insertRun(manager, this.clock, task, runId, stored, manifestSha256);
      await recordEnds(manager, this.clock, [task]);
      const promoted = await this.handOver(manager, task);
      return { task, work: promoted || task.status === 'queued' };
    });
    if (settled === null) return { kept: false };
    if (settled.work) this.signals.announce('work');
    if (isTerminal(settled.task.status)) announceEnd(this.signals, settled.task);
    return { kept: true, task: settled.task };
  }

  /** The key of a task that neither runs nor may be claimed goes to the next one. */
  private async handOver(manager: EntityManager, task: TaskEntity): Promise<boolean> {
    const holds = task.status === 'queued' && task.hold === null;
    return task.concurrencyKey !== null && !holds && (await promoteNext(manager, task.concurrencyKey));
  }

  /** With the events of their start: in one statement on PostgreSQL, in one transaction on SQLite. */
  private async take(claimant: Claimant, limit: number): Promise<ClaimedTask[]> {
    const { sql, parameters } = claimSql(this.dialect, this.clock, claimant, limit);
    const claimed = async (manager: EntityManager): Promise<ClaimedTask[]> =>
      (await execute(manager, sql, parameters)).rows.map((row) => this.toTask(row) as ClaimedTask);
    if (this.dialect === 'postgres') return claimed(this.dataSource.manager);
    // A transaction takes the one writer's place, so not for nothing: workers ask every second.
    const claimable = claimableSql(this.clock, claimant);
    const { rows } = await execute(this.dataSource.manager, claimable.sql, claimable.parameters);
    if (rows.length === 0) return [];
    return this.dataSource.transaction(async (manager) => {
      const tasks = await claimed(manager);
      await recordStarts(manager, this.clock, tasks);
      return tasks;
    });
  }

  private toTask(row: Record<string, unknown>): TaskEntity {
    return hydrate<TaskEntity>(this.dataSource.getMetadata(TaskEntity), row);
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
