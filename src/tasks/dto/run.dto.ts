import { ApiProperty } from '@nestjs/swagger';
import type { JsonObject } from '../../common/json.js';
import type { TaskRunEntity } from '../task-run.entity.js';
import { RUN_STATUSES } from '../task-run.entity.js';
import type { TaskEntity } from '../task.entity.js';
import { FailureDto } from './task.dto.js';

const STATUSES = ['running', ...RUN_STATUSES] as const;

/** What a run reported after it had lost its lease. It was refused: the task was somebody else's by then. */
export class LateResultDto {
  /** `stopped`: it was told to end, since its lease was lost. */
  @ApiProperty({ enum: ['completed', 'failed', 'stopped'], enumName: 'LateResultStatus' })
  status: 'completed' | 'failed' | 'stopped';

  @ApiProperty({ type: FailureDto, nullable: true })
  failure: FailureDto | null;

  /** SHA-256 of the manifest.json that it wrote nevertheless. */
  manifest_sha256: string | null;

  @ApiProperty({ format: 'date-time' })
  reported_at: string;
}

/** One attempt at a task. */
export class RunDto {
  /** While the run goes on: the lease. */
  @ApiProperty({ format: 'uuid' })
  run_id: string;

  /** 1 for the first run. */
  number: number;

  /** `lost`: its worker died. `released`: given back when its worker shut down. */
  @ApiProperty({ enum: STATUSES, enumName: 'RunStatus' })
  status: (typeof STATUSES)[number];

  worker_id: string;

  @ApiProperty({ format: 'date-time' })
  started_at: string;

  @ApiProperty({ type: 'string', format: 'date-time', nullable: true })
  finished_at: string | null;

  duration_ms: number | null;

  @ApiProperty({ type: FailureDto, nullable: true })
  failure: FailureDto | null;

  @ApiProperty({ type: 'object', additionalProperties: true, nullable: true })
  result: JsonObject | null;

  trace_path: string | null;

  /** SHA-256 of manifest.json; null while the run goes on, and when its folder is incomplete. */
  manifest_sha256: string | null;

  /** Whether the trace folder has its manifest. */
  trace_complete: boolean;

  /** Of a lost run whose worker came back: what it reported too late. */
  @ApiProperty({ type: LateResultDto, nullable: true })
  late_result: LateResultDto | null;
}

export class RunListDto {
  /** Oldest first. */
  items: RunDto[];
}

export function toRunDto(run: TaskRunEntity): RunDto {
  return {
    run_id: run.id,
    number: run.number,
    status: run.status,
    worker_id: run.workerId,
    started_at: run.startedAt.toISOString(),
    finished_at: run.finishedAt.toISOString(),
    duration_ms: run.finishedAt.getTime() - run.startedAt.getTime(),
    failure: run.failureReason === null ? null : { reason: run.failureReason, message: run.error ?? '' },
    result: run.result,
    trace_path: run.tracePath,
    manifest_sha256: run.manifestSha256,
    trace_complete: run.manifestSha256 !== null,
    late_result: run.lateResult,
  };
}

/** The run that goes on, as the task's row knows it. */
export function currentRunDto(task: TaskEntity & { runId: string }): RunDto {
  return {
    run_id: task.runId,
    number: task.attempt,
    status: 'running',
    worker_id: task.workerId ?? '',
    started_at: (task.startedAt ?? task.updatedAt).toISOString(),
    finished_at: null,
    duration_ms: null,
    failure: null,
    result: null,
    trace_path: task.tracePath,
    manifest_sha256: null,
    trace_complete: false,
    late_result: null,
  };
}
