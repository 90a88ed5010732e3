import { ApiProperty } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsBoolean,
  IsDefined,
  IsIn,
  IsInt,
  IsObject,
  IsOptional,
  IsString,
  Length,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import type { JsonObject, JsonValue } from '../../common/json.js';
import {
  INPUT_TYPES,
  type InputType,
  MISSED_POLICIES,
  type MissedPolicy,
  OVERLAP_POLICIES,
  type OverlapPolicy,
} from './definition.js';

/** Seconds that a run may take at most: 30 days, since steps may wait for people and events. */
export const RUN_SECONDS_MAX = 2_592_000;
export const TASK_SECONDS_MAX = 86_400;
export const STEPS_MAX = 100;
const STEP_NAME = /^[a-z][a-z0-9_]{0,62}$/;
const NAME_RULE = '$property must be 1-63 lower-case letters, digits or "_", a letter first';

const Name = (): PropertyDecorator => Matches(STEP_NAME, { message: NAME_RULE });

/** What the caller of a workflow gives, or its trigger. */
export class InputDto {
  @IsIn(INPUT_TYPES)
  @ApiProperty({ enum: INPUT_TYPES, enumName: 'WorkflowInputType' })
  type: InputType;

  @IsOptional()
  @IsString()
  @MaxLength(500)
  description?: string;

  /** Refuse a run without it. An input that is neither given nor has a default is null otherwise. */
  @IsOptional()
  @IsBoolean()
  required?: boolean;

  /** A value of the type, or a template over `event`. */
  @ApiProperty({ title: 'AnyJson', nullable: true, type: 'object', additionalProperties: true })
  @IsOptional()
  default?: JsonValue;

  /** The values that are allowed. */
  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(100)
  @ApiProperty({ type: 'array', items: {} })
  enum?: JsonValue[];
}

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
  @Name()
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

/** When the workflow starts by itself. */
export class ScheduleDto {
  @IsString()
  @Name()
  name: string;

  /**
   * Minute, hour, day of the month, month, day of the week.
   * @example "30 2 * * 1-5"
   */
  @IsString()
  @Length(1, 100)
  cron: string;

  /**
   * IANA name; UTC when left out.
   * @example "Europe/Berlin"
   */
  @IsOptional()
  @IsString()
  @Length(1, 64)
  time_zone?: string;

  @IsOptional()
  @IsObject()
  inputs?: JsonObject;

  /** What becomes of ticks while no tower ran: none, the newest, or all of the newest `missed_max`. */
  @IsOptional()
  @IsIn(MISSED_POLICIES)
  @ApiProperty({ enum: MISSED_POLICIES, enumName: 'MissedPolicy' })
  missed?: MissedPolicy;

  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(100)
  missed_max?: number;

  /** What becomes of a tick while a run of this schedule goes on: none, it waits for the end of that, or both run. */
  @IsOptional()
  @IsIn(OVERLAP_POLICIES)
  @ApiProperty({ enum: OVERLAP_POLICIES, enumName: 'OverlapPolicy' })
  overlap?: OverlapPolicy;
}

/** A workflow as it is handed in. */
export class WorkflowDocumentDto {
  /** @example "nightly_checks" */
  @IsString()
  @Matches(/^[a-z][a-z0-9_.-]{0,54}$/, {
    message: 'name must be 1-55 lower-case letters, digits, "_", "." or "-", a letter first',
  })
  name: string;

  @IsOptional()
  @IsString()
  @MaxLength(2_000)
  description?: string;

  /** Types of events that start a run: exact, `development.*`, or `*`. */
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(50)
  @IsString({ each: true })
  @Length(1, 100, { each: true })
  trigger_events?: string[];

  /** CEL over `event`; where it is false, the event starts nothing. */
  @IsOptional()
  @IsString()
  @Length(1, 4_096)
  trigger_conditions?: string;

  @IsOptional()
  @IsObject()
  @ApiProperty({
    type: 'object',
    additionalProperties: { $ref: '#/components/schemas/InputDto' },
  })
  inputs?: Record<string, InputDto>;

  /** Of all runs with the same key one goes on at a time; the others wait their turn. A template over `event` and `inputs`. */
  @IsOptional()
  @IsString()
  @Length(1, 1_000)
  concurrency_key?: string;

  /** Seconds that a run may take. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(RUN_SECONDS_MAX)
  timeout_seconds?: number;

  /** An inactive workflow is not started by events and schedules. */
  @IsOptional()
  @IsBoolean()
  is_active?: boolean;

  @IsDefined()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(STEPS_MAX)
  @ValidateNested({ each: true })
  @Type(() => StepDto)
  steps: StepDto[];

  @IsOptional()
  @IsArray()
  @ArrayMaxSize(20)
  @ValidateNested({ each: true })
  @Type(() => ScheduleDto)
  schedules?: ScheduleDto[];
}
