import { ApiProperty } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsIn,
  IsInt,
  IsObject,
  IsOptional,
  IsString,
  Length,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import type { JsonObject } from '../../common/json.js';
import { IsName, RUN_SECONDS_MAX, STEPS_MAX } from './document-limits.js';

/** Waits for an event. */
export class EventWaitDto {
  /** A type of event, `deployment.*`, or `*`. */
  @IsString()
  @Length(1, 100)
  event: string;

  /** CEL over `received`, the event that came, and `event`, `inputs`, `steps`. */
  @IsOptional()
  @IsString()
  @Length(1, 4_096)
  if?: string;

  /** From when on an event counts: the start of the run (default), or of this step. */
  @IsOptional()
  @IsIn(['run', 'step'])
  since?: 'run' | 'step';
}

/** Waits for a time: exactly one of the two. */
export class TimeWaitDto {
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(RUN_SECONDS_MAX)
  seconds?: number;

  /** RFC 3339, or a template that gives it. */
  @IsOptional()
  @IsString()
  @Length(1, 4_096)
  time?: string;
}

/** Runs another workflow and waits for its end. */
export class SubWorkflowDto {
  @IsString()
  @Length(1, 55)
  name: string;

  @IsOptional()
  @IsObject()
  inputs?: JsonObject;
}

/** One step. It does exactly one of `task`, `wait_for`, `wait_until` and `workflow`. */
export class StepDto {
  @IsString()
  @IsName()
  name: string;

  @IsOptional()
  @IsString()
  @MaxLength(500)
  description?: string;

  /** Steps that must have ended before this one begins. */
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(STEPS_MAX)
  @IsString({ each: true })
  needs?: string[];

  /** CEL; where it is false, the step is skipped. */
  @IsOptional()
  @IsString()
  @Length(1, 4_096)
  if?: string;

  /** A task as it is handed in to /tasks/enqueue; texts in it may be templates. */
  @IsOptional()
  @IsObject()
  task?: JsonObject;

  /** CEL that gives a list: one task for each `item` of it. */
  @IsOptional()
  @IsString()
  @Length(1, 4_096)
  for_each?: string;

  /** Tasks of a `for_each` that are there at once; all when left out. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(200)
  max_parallel?: number;

  @IsOptional()
  @IsObject()
  @ValidateNested()
  @Type(() => EventWaitDto)
  wait_for?: EventWaitDto;

  @IsOptional()
  @IsObject()
  @ValidateNested()
  @Type(() => TimeWaitDto)
  wait_until?: TimeWaitDto;

  @IsOptional()
  @IsObject()
  @ValidateNested()
  @Type(() => SubWorkflowDto)
  workflow?: SubWorkflowDto;

  /** How often a failed run of the task is tried again. */
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(25)
  retries?: number;

  /** Of a task: of one run. Of a wait or a workflow: until it has failed. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(RUN_SECONDS_MAX)
  timeout_seconds?: number;

  /** `stop` (default): nothing more begins. `continue`: as if it had not failed. `{"run": [steps]}`: those run, then as `stop`. */
  @IsOptional()
  @ApiProperty({
    oneOf: [
      { type: 'string', enum: ['stop', 'continue'] },
      {
        type: 'object',
        properties: { run: { type: 'array', items: { type: 'string' } } },
        required: ['run'],
        additionalProperties: false,
      },
    ],
  })
  on_failure?: 'stop' | 'continue' | { run: string[] };
}
