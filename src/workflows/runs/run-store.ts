import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource, type EntityManager, In, MoreThan } from 'typeorm';
import { newId } from '../../common/ids.js';
import { isUniqueViolation } from '../../database/database-errors.js';
import { dialectOf } from '../../database/portable-data-source.js';
import { execute, hydrate, insertRowsSql, type SqlClock, sqlClock } from '../../database/statements.js';
import type { StepState } from './run-state.js';
import { WorkflowRunEntity } from './workflow-run.entity.js';
import { NO_ITEM, WorkflowStepEntity } from './workflow-step.entity.js';

/** A run that was just claimed: whoever has its lease id decides what becomes of it. */
export type ClaimedRun = WorkflowRunEntity & { leaseId: string; leaseExpiresAt: Date };

/** Somebody else looks at the run now; what was decided is dropped, and decided again by them. */
export class LeaseLostError extends Error {}

/** Runs of which something outside has changed, so that they are looked at now and not when their time comes. */
const STIRRED = `
  SELECT s.run_id AS id FROM workflow_steps s JOIN tasks t ON t.id = s.task_id
    WHERE s.status = 'running' AND s.task_id IS NOT NULL AND t.status IN ('completed', 'failed', 'cancelled')
  UNION SELECT s.run_id AS id FROM workflow_steps s JOIN workflow_runs c ON c.id = s.child_run_id
    WHERE s.status = 'running' AND s.child_run_id IS NOT NULL AND c.status IN ('completed', 'failed', 'cancelled')
  UNION SELECT s.run_id AS id FROM workflow_steps s JOIN events e ON e.created_at > s.wait_seen_at AND e.type LIKE s.wait_pattern
    WHERE s.status = 'running' AND s.wait_pattern IS NOT NULL
  UNION SELECT q.id AS id FROM workflow_runs q
    WHERE q.status = 'queued' AND NOT EXISTS (SELECT 1 FROM workflow_runs h
      WHERE h.concurrency_key = q.concurrency_key AND (h.status = 'running' OR (h.status = 'queued' AND h.id < q.id)))`;

/** Stored runs and their steps. Guarded statements: no row means that somebody else was first. */
@Injectable()
export class RunStore {
  private readonly clock: SqlClock;
  private readonly skipLocked: string;

  constructor(@InjectDataSource() private readonly dataSource: DataSource) {
    this.clock = sqlClock(dataSource);
    this.skipLocked = dialectOf(dataSource.options) === 'postgres' ? 'FOR UPDATE SKIP LOCKED' : '';
  }

  /** Makes every run due of which a task, a workflow, an awaited event or the concurrency key has moved on. */
  async stir(): Promise<void> {
    const { manager } = this.dataSource;
    const select = `SELECT r.id AS id FROM workflow_runs r WHERE r.status IN ('queued', 'running')
      AND r.look_at > ${this.clock.now} AND r.id IN (${STIRRED})`;
    const { rows } = await execute(manager, select);
    if (rows.length === 0) return;
    const ids = rows.map((_, index) => `$${index + 1}`).join(', ');
    await execute(
      manager,
      `UPDATE workflow_runs SET look_at = ${this.clock.now} WHERE look_at > ${this.clock.now} AND id IN (${ids})`,
      rows.map(({ id }) => id),
    );
  }

  /** Whether there is anything to claim, without the lock that claiming takes. */
  async isDue(): Promise<boolean> {
    const { rows } = await execute(this.dataSource.manager, `${this.dueSql()} LIMIT 1`);
    return rows.length > 0;
  }

  /** Takes the run that has been due for longest; null when none is. It is due again when the lease has run out. */
  async claim(leaseSeconds: number): Promise<ClaimedRun | null> {
    const { now } = this.clock;
    const { rows } = await execute(
      this.dataSource.manager,
      `UPDATE workflow_runs SET lease_id = $1, lease_expires_at = ${this.clock.after('$2')},
         look_at = ${this.clock.after('$3')}
       WHERE id = (${this.dueSql()} ORDER BY look_at, id LIMIT 1 ${this.skipLocked})
         AND (lease_expires_at IS NULL OR lease_expires_at <= ${now})
       RETURNING *`,
      [newId(), leaseSeconds, leaseSeconds],
    );
    return rows[0] === undefined ? null : (this.toRun(rows[0]) as ClaimedRun);
  }

  /** Keeps a claimed run for longer. @throws LeaseLostError */
  async renew(run: ClaimedRun, leaseSeconds: number): Promise<void> {
    await this.guarded(this.dataSource.manager, run, `lease_expires_at = ${this.clock.after('$3')}`, [
      leaseSeconds,
    ]);
  }

  /** Gives a claimed run back, to be looked at again after this time, or before when something moves. */
  async release(run: ClaimedRun, lookAfterSeconds: number): Promise<void> {
    const later = this.clock.after('$3');
    // What moved meanwhile has made it due already; that is not put off.
    await execute(
      this.dataSource.manager,
      `UPDATE workflow_runs SET lease_id = NULL, lease_expires_at = NULL,
         look_at = CASE WHEN look_at <= ${this.clock.now} THEN look_at ELSE ${later} END
       WHERE id = $1 AND lease_id = $2 AND status IN ('queued', 'running')`,
      [run.id, run.leaseId, Math.max(0, lookAfterSeconds)],
    );
  }

  /** Lets a queued run begin, unless another one with its key goes on, or came before it. @throws LeaseLostError */
  async begin(manager: EntityManager, run: ClaimedRun): Promise<WorkflowRunEntity | null> {
    const { rows } = await execute(
      manager,
      `UPDATE workflow_runs SET status = 'running', started_at = ${this.clock.now}, deadline_at = ${this.clock.after('$3')}
       WHERE id = $1 AND lease_id = $2 AND status = 'queued' AND NOT EXISTS (
         SELECT 1 FROM workflow_runs o WHERE o.concurrency_key = workflow_runs.concurrency_key
           AND (o.status = 'running' OR (o.status = 'queued' AND o.id < workflow_runs.id)))
       RETURNING *`,
      [run.id, run.leaseId, run.timeoutSeconds],
    );
    return rows[0] === undefined ? null : this.toRun(rows[0]);
  }

  /** Changes a claimed run, as the first statement of a transaction. @param changes with parameters from $3 on. @throws LeaseLostError */
  async guarded(
    manager: EntityManager,
    run: ClaimedRun,
    changes: string,
    parameters: unknown[],
  ): Promise<WorkflowRunEntity> {
    const { rows } = await execute(
      manager,
      `UPDATE workflow_runs SET ${changes} WHERE id = $1 AND lease_id = $2 AND status IN ('queued', 'running') RETURNING *`,
      [run.id, run.leaseId, ...parameters],
    );
    if (rows[0] === undefined) throw new LeaseLostError(`Somebody else looks at run ${run.id}.`);
    return this.toRun(rows[0]);
  }

  private dueSql(): string {
    const { now } = this.clock;
    return `SELECT id FROM workflow_runs WHERE status IN ('queued', 'running') AND look_at <= ${now}
      AND (lease_expires_at IS NULL OR lease_expires_at <= ${now})`;
  }

  /** What changes of a run that ends. */
  endSql(statusParameter: string): string {
    return `status = ${statusParameter}, finished_at = ${this.clock.now}, look_at = NULL, lease_id = NULL, lease_expires_at = NULL`;
  }

  /** Asks for the end of a run; one that has ended, or was asked before, stays as it is. */
  async askToCancel(id: string, by: string | null): Promise<boolean> {
    const { affected } = await execute(
      this.dataSource.manager,
      `UPDATE workflow_runs SET cancel_requested_at = ${this.clock.now}, cancelled_by = $2, look_at = ${this.clock.now}
       WHERE id = $1 AND status IN ('queued', 'running') AND cancel_requested_at IS NULL`,
      [id, by],
    );
    return affected > 0;
  }

  /** Writes rows of steps and items, those that are new and those that have changed. */
  async writeSteps(manager: EntityManager, runId: string, steps: readonly StepState[]): Promise<void> {
    for (let from = 0; from < steps.length; from += ROWS_AT_ONCE) {
      const rows = steps
        .slice(from, from + ROWS_AT_ONCE)
        .map((step) => Object.assign(new WorkflowStepEntity(), { ...step, id: newId(), runId }));
      const { sql, parameters } = insertRowsSql(this.dataSource.getMetadata(WorkflowStepEntity), rows);
      await execute(
        manager,
        `${sql} ON CONFLICT (run_id, name, item) DO UPDATE SET ${OVERWRITE}`,
        parameters,
      );
    }
  }

  async forgetItems(manager: EntityManager, runId: string, names: readonly string[]): Promise<void> {
    if (names.length === 0) return;
    await manager.delete(WorkflowStepEntity, { runId, name: In([...names]), item: MoreThan(NO_ITEM) });
  }

  steps(runId: string, manager: EntityManager = this.dataSource.manager): Promise<WorkflowStepEntity[]> {
    return manager.find(WorkflowStepEntity, { where: { runId }, order: { id: 'ASC' } });
  }

  toRun(row: Record<string, unknown>): WorkflowRunEntity {
    return hydrate<WorkflowRunEntity>(this.dataSource.getMetadata(WorkflowRunEntity), row);
  }
}

const ROWS_AT_ONCE = 50;

const OVERWRITE = [
  'status',
  'attempt',
  'request',
  'task_id',
  'child_run_id',
  'wait_pattern',
  'wait_seen_at',
  'wake_at',
  'result',
  'error',
  'started_at',
  'finished_at',
]
  .map((column) => `${column} = excluded.${column}`)
  .join(', ');

/** Whether a second run of the same key wanted to begin in this very moment. */
export function isKeyTaken(error: unknown): boolean {
  return isUniqueViolation(error);
}
