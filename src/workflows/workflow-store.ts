import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource, type EntityManager } from 'typeorm';
import { NotFoundError } from '../common/errors.js';
import { isId, newId } from '../common/ids.js';
import type { JsonObject } from '../common/json.js';
import { execute, hydrate, insertSql, type SqlClock, sqlClock } from '../database/statements.js';
import { definitionHash } from './definition/check-definition.js';
import type { Definition } from './definition/definition.js';
import { ScheduleStore } from './schedules/schedule-store.js';
import { WorkflowVersionEntity } from './workflow-version.entity.js';
import { WorkflowEntity, type WorkflowOrigin, type WorkflowStatus } from './workflow.entity.js';

export interface SavedWorkflow {
  workflow: WorkflowEntity;
  /** `same`: the stored definition means the same already. `taken`: there is another one, which may not be replaced. */
  outcome: 'created' | 'new_version' | 'same' | 'taken';
}

/** Stored definitions: the newest under its name, every version for the runs that began with it. */
@Injectable()
export class WorkflowStore {
  private readonly clock: SqlClock;

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly schedules: ScheduleStore,
  ) {
    this.clock = sqlClock(dataSource);
  }

  /** Stores a checked definition, as a new version where it differs from the newest one, together with its schedules. */
  save(
    definition: Definition,
    origin: WorkflowOrigin,
    createdBy: string | null,
    mayReplace = true,
  ): Promise<SavedWorkflow> {
    return this.dataSource.transaction(async (manager) => {
      const hash = definitionHash(definition);
      const created = await this.insert(manager, definition, hash, origin);
      const replaced = created === null && mayReplace;
      const workflow = replaced ? await this.replace(manager, definition, hash, origin) : created;
      if (workflow === null) {
        const known = await manager.findOneByOrFail(WorkflowEntity, { name: definition.name });
        return { workflow: known, outcome: known.hash === hash ? 'same' : 'taken' };
      }
      await this.insertVersion(manager, workflow, createdBy);
      await this.schedules.follow(manager, workflow);
      return { workflow, outcome: created === null ? 'new_version' : 'created' };
    });
  }

  async list(activeOnly: boolean, limit: number, offset: number): Promise<WorkflowEntity[]> {
    return this.dataSource.manager.find(WorkflowEntity, {
      where: activeOnly ? { isActive: true } : {},
      order: { name: 'ASC' },
      take: limit,
      skip: offset,
    });
  }

  /** Changes exactly when an active workflow comes, goes or gets a new version; cheap to ask for. */
  async activeState(): Promise<string> {
    const { rows } = await execute(
      this.dataSource.manager,
      `SELECT name, hash FROM workflows WHERE is_active = $1 ORDER BY name`,
      [this.stored(true)],
    );
    return rows.map(({ name, hash }) => `${String(name)} ${String(hash)}`).join('\n');
  }

  active(): Promise<WorkflowEntity[]> {
    return this.dataSource.manager.findBy(WorkflowEntity, { isActive: true });
  }

  countActive(): Promise<number> {
    return this.dataSource.manager.countBy(WorkflowEntity, { isActive: true });
  }

  find(idOrName: string): Promise<WorkflowEntity | null> {
    const where = isId(idOrName) ? { id: idOrName } : { name: idOrName };
    return this.dataSource.manager.findOneBy(WorkflowEntity, where);
  }

  /** @throws NotFoundError WORKFLOW_NOT_FOUND */
  async get(idOrName: string): Promise<WorkflowEntity> {
    const workflow = idOrName.includes('\0') ? null : await this.find(idOrName);
    if (workflow === null)
      throw new NotFoundError('WORKFLOW', `There is no workflow ${idOrName.slice(0, 100)}.`);
    return workflow;
  }

  /** The definition as it was in a version. @throws Error when there is no such version: versions are never deleted */
  async version(workflowId: string, version: number): Promise<Definition> {
    const { definition } = await this.dataSource.manager.findOneByOrFail(WorkflowVersionEntity, {
      workflowId,
      version,
    });
    return definition;
  }

  versions(workflowId: string): Promise<WorkflowVersionEntity[]> {
    return this.dataSource.manager.find(WorkflowVersionEntity, {
      where: { workflowId },
      order: { version: 'DESC' },
    });
  }

  /** Remembers with the workflow that a run of it has begun. */
  async noteBegin(manager: EntityManager, workflowId: string, context: JsonObject): Promise<void> {
    await execute(
      manager,
      `UPDATE workflows SET status = 'running', execution_count = execution_count + 1,
         last_executed_at = ${this.clock.now}, last_execution_context = $2 WHERE id = $1`,
      [workflowId, JSON.stringify(context)],
    );
  }

  /** Remembers with the workflow how a run of it has ended. */
  async noteEnd(
    manager: EntityManager,
    workflowId: string,
    status: WorkflowStatus,
    result: JsonObject,
    error: string | null,
  ): Promise<void> {
    await execute(
      manager,
      `UPDATE workflows SET status = $2, last_result = $3, last_error = $4 WHERE id = $1`,
      [workflowId, status, JSON.stringify(result), error],
    );
  }

  private async insert(
    manager: EntityManager,
    definition: Definition,
    hash: string,
    origin: WorkflowOrigin,
  ): Promise<WorkflowEntity | null> {
    const metadata = this.dataSource.getMetadata(WorkflowEntity);
    const row = Object.assign(new WorkflowEntity(), {
      id: newId(),
      name: definition.name,
      ...columnsOf(definition),
      status: 'idle' as const,
      origin,
      version: 1,
      hash,
      definition,
      executionCount: 0,
      lastExecutedAt: null,
      lastExecutionContext: null,
      lastResult: null,
      lastError: null,
    });
    const { sql, parameters } = insertSql(metadata, row, {
      createdAt: this.clock.now,
      updatedAt: this.clock.now,
    });
    const { rows } = await execute(manager, `${sql} ON CONFLICT (name) DO NOTHING RETURNING *`, parameters);
    return rows[0] === undefined ? null : hydrate<WorkflowEntity>(metadata, rows[0]);
  }

  /** @returns null when the newest version means the same */
  private async replace(
    manager: EntityManager,
    definition: Definition,
    hash: string,
    origin: WorkflowOrigin,
  ): Promise<WorkflowEntity | null> {
    const { description, triggerEvents, triggerConditions, steps, isActive, timeoutSeconds } =
      columnsOf(definition);
    const { rows } = await execute(
      manager,
      `UPDATE workflows SET version = version + 1, hash = $2, definition = $3, description = $4, trigger_events = $5,
         trigger_conditions = $6, steps = $7, is_active = $8, timeout_seconds = $9, origin = $10, updated_at = ${this.clock.now}
       WHERE name = $1 AND hash <> $2 RETURNING *`,
      [
        definition.name,
        hash,
        JSON.stringify(definition),
        description,
        JSON.stringify(triggerEvents),
        triggerConditions,
        JSON.stringify(steps),
        this.stored(isActive),
        timeoutSeconds,
        origin,
      ],
    );
    return rows[0] === undefined
      ? null
      : hydrate<WorkflowEntity>(this.dataSource.getMetadata(WorkflowEntity), rows[0]);
  }

  /** SQLite has no booleans, and its driver takes none. */
  private stored(value: boolean): unknown {
    const metadata = this.dataSource.getMetadata(WorkflowEntity);
    const column = metadata.findColumnWithPropertyName('isActive')!;
    return this.dataSource.driver.preparePersistentValue(value, column);
  }

  private async insertVersion(
    manager: EntityManager,
    { id: workflowId, version, hash, definition }: WorkflowEntity,
    createdBy: string | null,
  ): Promise<void> {
    const metadata = this.dataSource.getMetadata(WorkflowVersionEntity);
    const row = Object.assign(new WorkflowVersionEntity(), {
      id: newId(),
      workflowId,
      version,
      hash,
      definition,
      createdBy,
    });
    const { sql, parameters } = insertSql(metadata, row, { createdAt: this.clock.now });
    await execute(manager, sql, parameters);
  }
}

function columnsOf(definition: Definition) {
  return {
    description: definition.description,
    triggerEvents: definition.trigger_events,
    triggerConditions: definition.trigger_conditions,
    steps: definition.steps.map((step) => ({ ...step })),
    isActive: definition.is_active,
    timeoutSeconds: definition.timeout_seconds,
  };
}
