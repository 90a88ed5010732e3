import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { AppError, ConflictError, NotFoundError } from '../common/errors.js';
import { isId, newId } from '../common/ids.js';
import type { EventCause } from '../events/event.entity.js';
import { OutboundGuard } from '../outbound/outbound-guard.js';
import { PoliciesService } from '../policies/policies.service.js';
import { type Verdict, violations } from '../policies/verdict.js';
import type { EnqueueTaskDto } from './dto/enqueue-task.dto.js';
import { policyQuestion } from './policy-question.js';
import { TaskControl } from './queue/task-control.js';
import { TaskIntake } from './task-intake.js';
import { requestHash, type TaskRequest } from './task-request.js';
import { priorityRank, type TaskStatus } from './task-status.js';
import { TaskEntity } from './task.entity.js';

/** Who asks, and under which request id. */
export interface Caller {
  actor: string | null;
  requestId: string;
  /** What led to the request, when that was an event, a workflow run, ...: stored with the task. */
  causedBy?: EventCause | null;
}

export interface Enqueued {
  id: string;
  status: TaskStatus;
  createdAt: Date;
  /** The key was known with the same request: nothing new was stored. */
  replayed: boolean;
}

/** Intake: normalise, ask policy, store once. The only way by which a task comes into being. */
@Injectable()
export class TasksService {
  constructor(
    @InjectRepository(TaskEntity) private readonly tasks: Repository<TaskEntity>,
    private readonly intake: TaskIntake,
    private readonly policies: PoliciesService,
    private readonly outbound: OutboundGuard,
    private readonly control: TaskControl,
  ) {}

  /**
   * @param dto as TaskIntake.check() returned it
   * @returns when the task is committed and flushed to disk
   * @throws AppError POLICY_DENIED with every violated rule, ConflictError IDEMPOTENCY_CONFLICT
   */
  async enqueue(dto: EnqueueTaskDto, idempotencyKey: string | null, caller: Caller): Promise<Enqueued> {
    const request = this.intake.normalise(dto);
    const verdict = this.judge(request, caller);
    if (verdict.decision === 'deny') {
      // A task that was accepted under this key stays what it is, whatever policy says of a new one.
      const known = idempotencyKey === null ? null : await this.replayOf(idempotencyKey, request);
      if (known !== null) return known;
      throw denied(verdict);
    }
    return this.store(request, verdict, idempotencyKey, caller, null);
  }

  /** Every check of enqueue(), storing nothing. */
  async dryRun(
    dto: EnqueueTaskDto,
    idempotencyKey: string | null,
    caller: Caller,
  ): Promise<{ request: TaskRequest; verdict: Verdict; existing: Enqueued | null }> {
    const request = this.intake.normalise(dto);
    const existing = idempotencyKey === null ? null : await this.replayOf(idempotencyKey, request);
    return { request, verdict: this.judge(request, caller), existing };
  }

  /** A new task with the same request, as today's policy and executors allow it. */
  async replay(id: string, caller: Caller): Promise<Enqueued> {
    const original = await this.get(id);
    const request = requestOf(original);
    this.intake.check(request);
    const verdict = this.judge(request, caller);
    if (verdict.decision === 'deny') throw denied(verdict);
    return this.store(request, verdict, null, caller, original.id);
  }

  /** Queues a failed or cancelled task once more. @throws ConflictError ILLEGAL_STATE when it has completed */
  async retry(id: string, caller: Caller): Promise<TaskEntity> {
    const verdict = this.judge(requestOf(await this.get(id)), caller);
    if (verdict.decision === 'deny') throw denied(verdict);
    const task = await this.control.retry(id, verdict);
    if (task === null) throw noSuchTask(id);
    if (task.status === 'completed') throw illegalState('retried', task.status);
    return task;
  }

  /** @throws ConflictError ILLEGAL_STATE when the task has ended otherwise */
  async cancel(id: string, caller: Caller): Promise<TaskEntity> {
    const by = caller.actor === null ? '' : ` by ${caller.actor}`;
    const task = isId(id) ? await this.control.cancel(id, `Cancelled${by} before it started.`) : null;
    if (task === null) throw noSuchTask(id);
    if (task.status === 'completed' || task.status === 'failed') throw illegalState('cancelled', task.status);
    return task;
  }

  async get(id: string): Promise<TaskEntity> {
    const task = isId(id) ? await this.tasks.findOneBy({ id }) : null;
    if (task === null) throw noSuchTask(id);
    return task;
  }

  /** What policy says of a request today. */
  judge(request: TaskRequest, caller: Caller): Verdict {
    return this.policies.evaluate(policyQuestion(request, caller.actor, this.outbound));
  }

  private async store(
    request: TaskRequest,
    verdict: Verdict,
    idempotencyKey: string | null,
    caller: Caller,
    replayOf: string | null,
  ): Promise<Enqueued> {
    const task = newTask(request, verdict, caller);
    const inserted = await this.control.insert({ ...task, idempotencyKey, replayOf });
    if (inserted !== null)
      return { id: task.id, status: task.status, createdAt: inserted.createdAt, replayed: false };
    const known = await this.replayOf(idempotencyKey!, request);
    // The task that owned the key was deleted in this very moment; the client may simply try again.
    if (known === null)
      throw new ConflictError('IDEMPOTENCY_CONFLICT', 'The idempotency key was in use; try again.');
    return known;
  }

  /** @throws ConflictError when the key stands for another request */
  private async replayOf(idempotencyKey: string, request: TaskRequest): Promise<Enqueued | null> {
    const known = await this.tasks.findOneBy({ idempotencyKey });
    if (known === null) return null;
    if (known.requestHash !== requestHash(request)) {
      throw new ConflictError(
        'IDEMPOTENCY_CONFLICT',
        `The idempotency key was used for another request, which made task ${known.id}. Use a new key.`,
        { task_id: known.id },
      );
    }
    return { id: known.id, status: known.status, createdAt: known.createdAt, replayed: true };
  }
}

function newTask(
  request: TaskRequest,
  verdict: Verdict,
  caller: Caller,
): Parameters<TaskControl['insert']>[0] {
  const { options, callback_url: callbackUrl, ...rest } = request;
  const runAt = options.run_at === undefined ? null : new Date(options.run_at);
  return {
    ...rest,
    options,
    callbackUrl,
    id: newId(),
    status: 'queued',
    priorityRank: priorityRank(request.priority),
    idempotencyKey: null,
    requestHash: requestHash(request),
    queue: options.queue,
    concurrencyKey: options.concurrency_key ?? null,
    runAt,
    expiresAt: options.expires_at === undefined ? null : new Date(options.expires_at),
    attempt: 0,
    maxAttempts: options.retries + 1,
    excusedRuns: 0,
    runId: null,
    workerId: null,
    leaseExpiresAt: null,
    cancelRequestedAt: null,
    requestedBy: caller.actor,
    requestId: caller.requestId,
    causedByKind: caller.causedBy?.kind ?? null,
    causedById: caller.causedBy?.id ?? null,
    policy: verdict,
    replayOf: null,
    result: null,
    failureReason: null,
    error: null,
    tracePath: null,
    startedAt: null,
    completedAt: null,
  };
}

/** The normal form of the request that made a task; without times that have passed, so that it can be made again. */
export function requestOf(task: TaskEntity): TaskRequest {
  const { type, payload, priority, source, target, options, metadata, tags } = task;
  const { run_at: _runAt, expires_at: _expiresAt, ...lasting } = options;
  return {
    type,
    payload,
    priority,
    source,
    target,
    options: lasting,
    metadata,
    tags,
    callback_url: task.callbackUrl,
  };
}

function noSuchTask(id: string): NotFoundError {
  return new NotFoundError('TASK', `There is no task ${id.slice(0, 64)}.`);
}

function illegalState(done: string, status: TaskStatus): ConflictError {
  return new ConflictError('ILLEGAL_STATE', `A task that is ${status} cannot be ${done}.`, {
    current_state: status,
  });
}

function denied(verdict: Verdict): AppError {
  const found = violations(verdict);
  const detail = found.map(({ message }) => message).join(' ');
  return new AppError(403, 'POLICY_DENIED', detail, { policy_version: verdict.version, violations: found });
}
