import { ApiProperty, getSchemaPath } from '@nestjs/swagger';
import { ArrayMaxSize, ArrayMinSize, IsArray, IsObject } from 'class-validator';
import type { JsonObject } from '../../common/json.js';
import { ProblemDto } from '../../http/problem.dto.js';
import { EnqueueTaskDto } from './enqueue-task.dto.js';
import { EnqueuedTaskDto } from './task.dto.js';

export const BATCH_TASKS_MAX = 1_000;

/** Many tasks in one request; the whole body is at most 1 MiB. */
export class EnqueueBatchDto {
  /** Each as it would be handed in alone. */
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(BATCH_TASKS_MAX)
  @IsObject({ each: true })
  @ApiProperty({ type: 'array', items: { $ref: getSchemaPath(EnqueueTaskDto) }, maxItems: BATCH_TASKS_MAX })
  tasks: JsonObject[];
}

/** The answer that a task of a batch would have got alone. */
export class BatchTaskDto extends EnqueuedTaskDto {
  /** 201, or 200 where the idempotency key stood for an equal request. */
  status_code: number;
}

/** The problem that a task of a batch would have got alone. */
export class BatchProblemDto extends ProblemDto {
  /** The same as `status`. */
  status_code: number;
}

/** Answers in the order of the tasks: each a BatchTaskDto or a BatchProblemDto, told apart by `status_code`. */
export class BatchAnswerDto {
  @ApiProperty({
    type: 'array',
    items: {
      anyOf: [{ $ref: getSchemaPath(BatchTaskDto) }, { $ref: getSchemaPath(BatchProblemDto) }],
    },
  })
  items: JsonObject[];
}
