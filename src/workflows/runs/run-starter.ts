import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import canonicalize from 'canonicalize';
import { DataSource, type EntityManager } from 'typeorm';
import { ConflictError, ValidationError } from '../../common/errors.js';
import { newId } from '../../common/ids.js';
import type { JsonObject } from '../../common/json.js';
import { execute, hydrate, insertSql, type SqlClock, sqlClock } from '../../database/statements.js';
import type { Definition } from '../definition/definition.js';
import { inputValues } from '../definition/input-values.js';
import { KEY_SCOPE } from '../definition/scopes.js';
import { render } from '../definition/template.js';
import type { WorkflowEntity } from '../workflow.entity.js';
import { newStep } from './run-state.js';
import { RunStore } from './run-store.js';
import { type RunTrigger, WorkflowRunEntity } from './workflow-run.entity.js';

const CONCURRENCY_KEY_CHARS_MAX = 255;

/** More runs than this that led to each other are a circle: a workflow that reacts to what it causes. */
export const DEPTH_MAX = 8;

export interface RunRequest {
  workflow: WorkflowEntity;
  trigger: RunTrigger;
  inputs: JsonObject;
  /** What started it, as expressions see it; without one, an event that says so is made. */
  event?: JsonObject;
  idempotencyKey: string | null;
  requestedBy: string | null;
  parentRunId?: string;
  depth?: number;
  scheduleId?: string;
  /** Instead of the definition's own, where that is longer. */
  timeoutSecondsMax?: number | null;
  /** Where the definition has none of its own. */
  concurrencyKey?: string | null;
}

export interface StartedRun {
  run: WorkflowRunEntity;
  /** The key was known with the same request: nothing new was stored. */
  replayed: boolean;
}

/** The only way by which a run comes into being: inputs checked, its key rendered, stored once. */
@Injectable()
export class RunStarter {
  private readonly clock: SqlClock;

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly store: RunStore,
  ) {
    this.clock = sqlClock(dataSource);
  }

  /**
   * Stores a run that then waits to be looked at; the caller announces it after the commit.
   *
   * @throws ValidationError when its inputs do not fit, ConflictError when the key stands for another request
   */
  async start(request: RunRequest, manager?: EntityManager): Promise<StartedRun> {
    const run = newRun(request);
    if (manager !== undefined) return this.insert(manager, run, request.workflow.definition);
    return this.dataSource.transaction((own) => this.insert(own, run, request.workflow.definition));
  }

  private async insert(
    manager: EntityManager,
    run: WorkflowRunEntity,
    definition: Definition,
  ): Promise<StartedRun> {
    const metadata = this.dataSource.getMetadata(WorkflowRunEntity);
    const { sql, parameters } = insertSql(metadata, run, {
      createdAt: this.clock.now,
      lookAt: this.clock.now,
    });
    const statement = `${sql} ON CONFLICT (idempotency_key) DO NOTHING RETURNING *`;
    const { rows } = await execute(manager, statement, parameters);
    if (rows[0] === undefined) return this.known(manager, run);
    await this.store.writeSteps(
      manager,
      run.id,
      definition.steps.map(({ name }) => newStep(name)),
    );
    return { run: hydrate<WorkflowRunEntity>(metadata, rows[0]), replayed: false };
  }

  private async known(manager: EntityManager, run: WorkflowRunEntity): Promise<StartedRun> {
    const known = await manager.findOneByOrFail(WorkflowRunEntity, { idempotencyKey: run.idempotencyKey! });
    if (known.requestHash === run.requestHash) return { run: known, replayed: true };
    throw new ConflictError(
      'IDEMPOTENCY_CONFLICT',
      `The idempotency key was used for another request, which made run ${known.id}. Use a new key.`,
      { run_id: known.id },
    );
  }
}

function newRun(request: RunRequest): WorkflowRunEntity {
  const { workflow, trigger, inputs: given, depth = 0, timeoutSecondsMax = null } = request;
  const { definition } = workflow;
  const event = request.event ?? madeEvent(trigger, request.requestedBy);
  const answer = inputValues(definition, given, event);
  if (!answer.ok) throw new ValidationError(answer.violations);
  const { inputs } = answer;
  return Object.assign(new WorkflowRunEntity(), {
    id: newId(),
    workflowId: workflow.id,
    workflowName: workflow.name,
    version: workflow.version,
    status: 'queued' as const,
    stopping: null,
    triggerKind: trigger,
    event,
    inputs,
    idempotencyKey: request.idempotencyKey,
    requestHash: createHash('sha256')
      .update(canonicalize({ workflow: workflow.name, given })!)
      .digest('hex'),
    concurrencyKey: keyOf(definition, event, inputs) ?? request.concurrencyKey ?? null,
    parentRunId: request.parentRunId ?? null,
    scheduleId: request.scheduleId ?? null,
    timeoutSeconds: Math.min(definition.timeout_seconds, timeoutSecondsMax ?? definition.timeout_seconds),
    depth,
    resumes: 0,
    requestedBy: request.requestedBy,
    cancelRequestedAt: null,
    cancelledBy: null,
    error: null,
    startedAt: null,
    deadlineAt: null,
    finishedAt: null,
    leaseId: null,
    leaseExpiresAt: null,
  });
}

function keyOf(definition: Definition, event: JsonObject, inputs: JsonObject): string | null {
  if (definition.concurrency_key === null) return null;
  const rendered = render(definition.concurrency_key, KEY_SCOPE, { event, inputs });
  if (rendered.ok && typeof rendered.value === 'string' && rendered.value !== '') {
    return rendered.value.slice(0, CONCURRENCY_KEY_CHARS_MAX);
  }
  const why = rendered.ok ? 'it gives no text' : rendered.message;
  throw new ValidationError([
    {
      pointer: '/concurrency_key',
      code: 'BAD_EXPRESSION',
      message: `the concurrency key cannot be told: ${why}`,
    },
  ]);
}

/** What expressions see as `event` where none came: `has(event.data.x)` is simply false. */
function madeEvent(trigger: RunTrigger, requestedBy: string | null): JsonObject {
  return { id: null, type: `workflow.${trigger}`, source: requestedBy ?? 'api', data: {}, tags: {} };
}
