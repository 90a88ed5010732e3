import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { Brackets, DataSource } from 'typeorm';
import { ConflictError, NotFoundError, ValidationError } from '../../common/errors.js';
import { isId } from '../../common/ids.js';
import { execute, type SqlClock, sqlClock } from '../../database/statements.js';
import { pageOf, placeOf } from '../../http/page.js';
import { Signals } from '../../signals/signals.js';
import type { Definition } from '../definition/definition.js';
import { WorkflowStore } from '../workflow-store.js';
import { stepsToResume } from './resume-steps.js';
import { RunStore } from './run-store.js';
import type { ListRunsQuery } from './run-requests.dto.js';
import { WorkflowRunEntity } from './workflow-run.entity.js';
import type { WorkflowStepEntity } from './workflow-step.entity.js';

export interface RunDetails {
  run: WorkflowRunEntity;
  definition: Definition;
  steps: WorkflowStepEntity[];
}

/** What people ask of runs: to see them, to cancel one, to take one up again. */
@Injectable()
export class RunsService {
  private readonly clock: SqlClock;

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly store: RunStore,
    private readonly workflows: WorkflowStore,
    private readonly signals: Signals,
  ) {
    this.clock = sqlClock(dataSource);
  }

  /** Newest first; the cursor names the last run of the page before, so that new runs shift nothing. */
  async list(query: ListRunsQuery): Promise<{ items: WorkflowRunEntity[]; nextCursor: string | null }> {
    const limit = query.limit ?? 50;
    const builder = this.dataSource
      .createQueryBuilder(WorkflowRunEntity, 'run')
      .orderBy('run.createdAt', 'DESC')
      .addOrderBy('run.id', 'DESC')
      .take(limit + 1);
    if (query.workflow !== undefined) builder.andWhere('run.workflowName = :workflow', query);
    if (query.status !== undefined) builder.andWhere('run.status = :status', query);
    if (query.parent_run_id !== undefined) builder.andWhere('run.parentRunId = :parent_run_id', query);
    if (query.cursor !== undefined) {
      const place = placeOf(query.cursor);
      builder.andWhere(
        new Brackets((either) =>
          either.where('run.createdAt < :at', place).orWhere('(run.createdAt = :at AND run.id < :id)', place),
        ),
      );
    }
    return pageOf(await builder.getMany(), limit, ({ createdAt, id }) => ({ at: createdAt, id }));
  }

  /** @throws NotFoundError WORKFLOW_RUN_NOT_FOUND */
  async get(id: string): Promise<RunDetails> {
    const run = isId(id) ? await this.dataSource.manager.findOneBy(WorkflowRunEntity, { id }) : null;
    if (run === null) throw new NotFoundError('WORKFLOW_RUN', `There is no workflow run ${id.slice(0, 64)}.`);
    const definition = await this.workflows.version(run.workflowId, run.version);
    return { run, definition, steps: await this.store.steps(run.id) };
  }

  /** Asks for the end: its tasks are cancelled, nothing more begins. Asking again changes nothing. @throws ConflictError ILLEGAL_STATE */
  async cancel(id: string, by: string | null): Promise<RunDetails> {
    const { run } = await this.get(id);
    if (run.status === 'completed' || run.status === 'failed') throw illegalState('cancelled', run.status);
    if (await this.store.askToCancel(run.id, by)) this.signals.announce('workflows');
    return this.get(id);
  }

  /**
   * Takes a run up again that has failed or was cancelled, with the version that it began with: what completed is kept,
   * everything else runs again, and with `fromStep` that step and all that follow from it, too.
   *
   * @throws ConflictError ILLEGAL_STATE unless it has failed or was cancelled
   */
  async resume(id: string, fromStep: string | null): Promise<RunDetails> {
    const { run, definition } = await this.get(id);
    if (run.status !== 'failed' && run.status !== 'cancelled') throw illegalState('resumed', run.status);
    if (fromStep !== null && !definition.steps.some(({ name }) => name === fromStep)) {
      const message = `there is no step "${fromStep}"`;
      throw new ValidationError([{ pointer: '/from_step', code: 'UNKNOWN_STEP', message }]);
    }
    await this.dataSource.transaction(async (manager) => {
      const { affected } = await execute(
        manager,
        `UPDATE workflow_runs SET status = 'queued', stopping = NULL, error = NULL, finished_at = NULL, deadline_at = NULL,
           cancel_requested_at = NULL, cancelled_by = NULL, resumes = resumes + 1, look_at = ${this.clock.now}
         WHERE id = $1 AND status IN ('failed', 'cancelled')`,
        [run.id],
      );
      if (affected === 0) throw illegalState('resumed', 'running');
      const rows = await this.store.steps(run.id, manager);
      const resumption = stepsToResume(definition, rows, fromStep);
      await this.store.forgetItems(manager, run.id, resumption.forgetItemsOf);
      await this.store.writeSteps(manager, run.id, resumption.rows);
    });
    this.signals.announce('workflows');
    return this.get(id);
  }
}

function illegalState(done: string, status: string): ConflictError {
  return new ConflictError('ILLEGAL_STATE', `A workflow run that is ${status} cannot be ${done}.`, {
    current_state: status,
  });
}
