import { ApiProperty } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsIn, IsInt, IsOptional, Max, Min } from 'class-validator';
import type { JsonObject } from '../common/json.js';
import {
  WORKFLOW_ORIGINS,
  WORKFLOW_STATUSES,
  type WorkflowEntity,
  type WorkflowOrigin,
  type WorkflowStatus,
} from './workflow.entity.js';

export class ListWorkflowsQuery {
  /** Only those that events and schedules start. */
  @IsOptional()
  @IsIn(['true', 'false'])
  active_only?: 'true' | 'false';

  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(200)
  limit?: number;

  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(0)
  @Max(1_000_000)
  offset?: number;
}

export class SaveWorkflowQuery {
  /** Make a new version of a workflow that there is; without it, its name is taken. */
  @IsOptional()
  @IsIn(['true', 'false'])
  replace?: 'true' | 'false';
}

/** A workflow with its newest definition. */
export class WorkflowDto {
  @ApiProperty({ format: 'uuid' })
  id: string;

  name: string;

  description: string;

  trigger_events: string[];

  trigger_conditions: string | null;

  /** Steps of the newest version, every default filled in. */
  @ApiProperty({ type: 'array', items: { type: 'object', additionalProperties: true } })
  steps: JsonObject[];

  /** Of the newest run; `idle` before the first. */
  @ApiProperty({ enum: WORKFLOW_STATUSES, enumName: 'WorkflowStatus' })
  status: WorkflowStatus;

  is_active: boolean;

  timeout_seconds: number;

  execution_count: number;

  @ApiProperty({ format: 'date-time' })
  created_at: string;

  @ApiProperty({ type: 'string', format: 'date-time', nullable: true })
  last_executed_at: string | null;

  /** Run and status of the newest end. */
  @ApiProperty({ type: 'object', additionalProperties: true, nullable: true })
  last_result: JsonObject | null;

  last_error: string | null;

  /** 1 for the first; a run keeps the version that it began with. */
  version: number;

  /** `code`: it comes with the program, and is changed there. */
  @ApiProperty({ enum: WORKFLOW_ORIGINS, enumName: 'WorkflowOrigin' })
  origin: WorkflowOrigin;

  @ApiProperty({ type: 'object', additionalProperties: { $ref: '#/components/schemas/InputDto' } })
  inputs: JsonObject;

  concurrency_key: string | null;

  @ApiProperty({ type: 'array', items: { type: 'object', additionalProperties: true } })
  schedules: JsonObject[];

  @ApiProperty({ format: 'date-time' })
  updated_at: string;
}

export function toWorkflowDto(workflow: WorkflowEntity): WorkflowDto {
  const { definition } = workflow;
  return {
    id: workflow.id,
    name: workflow.name,
    description: workflow.description,
    trigger_events: workflow.triggerEvents,
    trigger_conditions: workflow.triggerConditions,
    steps: workflow.steps,
    status: workflow.status,
    is_active: workflow.isActive,
    timeout_seconds: workflow.timeoutSeconds,
    execution_count: workflow.executionCount,
    created_at: workflow.createdAt.toISOString(),
    last_executed_at: workflow.lastExecutedAt?.toISOString() ?? null,
    last_result: workflow.lastResult,
    last_error: workflow.lastError,
    version: workflow.version,
    origin: workflow.origin,
    inputs: definition.inputs,
    concurrency_key: definition.concurrency_key,
    schedules: definition.schedules.map((schedule) => ({ ...schedule })),
    updated_at: workflow.updatedAt.toISOString(),
  };
}
