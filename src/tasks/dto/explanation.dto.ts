import { ApiProperty } from '@nestjs/swagger';
import type { JsonObject } from '../../common/json.js';
import { TASK_STATUSES, type TaskStatus } from '../task-status.js';

export const BLOCKERS = [
  'WAITS_FOR_APPROVAL',
  'WAITS_FOR_TIME',
  'WAITS_FOR_KEY',
  'NO_WORKER',
  'WORKERS_PAUSED',
  'NO_FREE_SLOT',
  'TASKS_AHEAD',
] as const;

/** One thing that keeps a task from running. */
export class BlockerDto {
  @ApiProperty({ enum: BLOCKERS, enumName: 'BlockerCode' })
  code: (typeof BLOCKERS)[number];

  /** What it is and what to do about it. */
  message: string;

  /** The task that is waited for, the time, the number of tasks, ... */
  @ApiProperty({ type: 'object', additionalProperties: true })
  details: JsonObject;
}

/** Why a task is, or is not, running. */
export class ExplanationDto {
  @ApiProperty({ format: 'uuid' })
  task_id: string;

  @ApiProperty({ enum: TASK_STATUSES, enumName: 'TaskStatus' })
  status: TaskStatus;

  /** One sentence. */
  summary: string;

  /** In the order in which they must go; empty when the task runs, has ended, or is about to start. */
  blockers: BlockerDto[];

  /** The verdict of policy: `decision`, `version`, and every rule that was seen. */
  @ApiProperty({ type: 'object', additionalProperties: true })
  policy: JsonObject;
}
