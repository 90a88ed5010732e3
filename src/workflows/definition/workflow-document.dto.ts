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
import { IsName, RUN_SECONDS_MAX, STEPS_MAX } from './document-limits.js';
import { StepDto } from './step.dto.js';

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

/** When the workflow starts by itself. */
export class ScheduleDto {
  @IsString()
  @IsName()
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
