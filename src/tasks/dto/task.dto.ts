import { ApiProperty } from '@nestjs/swagger';
import type { JsonObject } from '../../common/json.js';
import { CauseDto } from '../../events/dto/event.dto.js';
import { FAILURE_REASONS, type FailureReason } from '../../task-types/outcome.js';
import { PRIORITIES, type Priority, TASK_STATUSES, type TaskStatus } from '../task-status.js';
import type { TaskEntity } from '../task.entity.js';
import { TargetDto, TaskOptionsDto } from './enqueue-task.dto.js';

/** What enqueue answers. */
export class EnqueuedTaskDto {
  /** @example "019aa5a4-6c1e-7b3a-9d51-0f4c5e1a2b3c" */
  @ApiProperty({ format: 'uuid' })
  task_id: string;

  /** `pending` when policy demands an approval. */
  @ApiProperty({ enum: TASK_STATUSES, enumName: 'TaskStatus' })
  status: TaskStatus;

  @ApiProperty({ format: 'date-time' })
  created_at: string;
}

/** Why a task has not succeeded. */
export class FailureDto {
  @ApiProperty({ enum: FAILURE_REASONS, enumName: 'FailureReason' })
  reason: FailureReason;

  /** For a person. */
  message: string;
}

/** A task as it stands. */
export class TaskDto {
  @ApiProperty({ format: 'uuid' })
  task_id: string;

  type: string;

  @ApiProperty({ enum: TASK_STATUSES, enumName: 'TaskStatus' })
  status: TaskStatus;

  @ApiProperty({ enum: PRIORITIES, enumName: 'Priority' })
  priority: Priority;

  source: string;

  @ApiProperty({ type: 'object', additionalProperties: true })
  payload: JsonObject;

  @ApiProperty({ type: TargetDto, nullable: true })
  target: TargetDto | null;

  /** With every default filled in. */
  options: TaskOptionsDto;

  @ApiProperty({ type: 'object', additionalProperties: true })
  metadata: JsonObject;

  tags: string[];
  idempotency_key: string | null;
  callback_url: string | null;
  queue: string;

  @ApiProperty({ format: 'date-time' })
  created_at: string;

  @ApiProperty({ format: 'date-time' })
  updated_at: string;

  /** Start of the newest run. */
  @ApiProperty({ type: 'string', format: 'date-time', nullable: true })
  started_at: string | null;

  @ApiProperty({ type: 'string', format: 'date-time', nullable: true })
  completed_at: string | null;

  /** Not started before. */
  @ApiProperty({ format: 'date-time' })
  run_at: string;

  @ApiProperty({ type: 'string', format: 'date-time', nullable: true })
  expires_at: string | null;

  @ApiProperty({ type: 'string', format: 'date-time', nullable: true })
  cancel_requested_at: string | null;

  /** Worker of the newest run. */
  worker_id: string | null;

  /** Runs so far. */
  attempt: number;

  /** Runs that may fail before the task has failed; runs lost with their worker do not count. */
  max_attempts: number;

  /** The run that goes on; null unless running. */
  @ApiProperty({ type: 'string', format: 'uuid', nullable: true })
  run_id: string | null;

  /** Name of the key that handed the task in. */
  requested_by: string | null;

  /** The X-Request-Id under which it was handed in. */
  request_id: string | null;

  /** What led to it, when that was not a request from outside. */
  @ApiProperty({ type: CauseDto, nullable: true })
  caused_by: CauseDto | null;

  /** The verdict of policy: `decision`, `version`, and every rule that was seen. */
  @ApiProperty({ type: 'object', additionalProperties: true })
  policy: JsonObject;

  /** Folder of the newest run under the trace root. */
  trace_path: string | null;

  @ApiProperty({ type: 'string', format: 'uuid', nullable: true })
  replay_of: string | null;

  /** What came of it; the same as output.json's `result`. */
  @ApiProperty({ type: 'object', additionalProperties: true, nullable: true })
  result: JsonObject | null;

  @ApiProperty({ type: FailureDto, nullable: true })
  failure: FailureDto | null;

  /** The message of `failure`. */
  error: string | null;
}

export function toTaskDto(task: TaskEntity): TaskDto {
  return {
    task_id: task.id,
    type: task.type,
    status: task.status,
    priority: task.priority,
    source: task.source,
    payload: task.payload,
    target: task.target,
    options: task.options,
    metadata: task.metadata,
    tags: task.tags,
    idempotency_key: task.idempotencyKey,
    callback_url: task.callbackUrl,
    queue: task.queue,
    created_at: task.createdAt.toISOString(),
    updated_at: task.updatedAt.toISOString(),
    started_at: toIso(task.startedAt),
    completed_at: toIso(task.completedAt),
    run_at: task.runAt.toISOString(),
    expires_at: toIso(task.expiresAt),
    cancel_requested_at: toIso(task.cancelRequestedAt),
    worker_id: task.workerId,
    attempt: task.attempt,
    max_attempts: task.maxAttempts,
    run_id: task.runId,
    requested_by: task.requestedBy,
    request_id: task.requestId,
    caused_by: task.causedByKind === null ? null : { kind: task.causedByKind, id: task.causedById! },
    policy: task.policy,
    trace_path: task.tracePath,
    replay_of: task.replayOf,
    result: task.result,
    failure: task.failureReason === null ? null : { reason: task.failureReason, message: task.error ?? '' },
    error: task.error,
  };
}

function toIso(date: Date | null): string | null {
  return date === null ? null : date.toISOString();
}
