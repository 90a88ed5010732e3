import { ApiProperty } from '@nestjs/swagger';
import type { JsonObject, JsonValue } from '../../common/json.js';
import { type Definition, kindOf, STEP_KINDS, type StepKind } from '../definition/definition.js';
import { mermaidOf } from './mermaid.js';
import { isHead } from './run-state.js';
import {
  RUN_STATUSES,
  RUN_TRIGGERS,
  type RunStop,
  type RunTrigger,
  STOP_REASONS,
  type WorkflowRunEntity,
  type WorkflowRunStatus,
} from './workflow-run.entity.js';
import { STEP_STATUSES, type StepStatus, type WorkflowStepEntity } from './workflow-step.entity.js';

/** One item of a step that is done for each item of a list. */
export class StepItemDto {
  item_index: number;

  @ApiProperty({ title: 'AnyJson', nullable: true, type: 'object', additionalProperties: true })
  item: JsonValue;

  @ApiProperty({ enum: STEP_STATUSES, enumName: 'WorkflowStepStatus' })
  status: StepStatus;

  @ApiProperty({ type: 'string', format: 'uuid', nullable: true })
  task_id: string | null;

  @ApiProperty({ type: 'object', additionalProperties: true, nullable: true })
  result: JsonObject | null;

  error: string | null;

  @ApiProperty({ type: 'string', format: 'date-time', nullable: true })
  started_at: string | null;

  @ApiProperty({ type: 'string', format: 'date-time', nullable: true })
  finished_at: string | null;
}

/** One step of a run: a node of its graph, `needs` are the edges. */
export class RunStepDto {
  name: string;

  @ApiProperty({ enum: STEP_KINDS, enumName: 'WorkflowStepKind' })
  kind: StepKind;

  needs: string[];

  @ApiProperty({ enum: STEP_STATUSES, enumName: 'WorkflowStepStatus' })
  status: StepStatus;

  /** 1 for the first time; one more each time that the run is resumed at it. */
  attempt: number;

  @ApiProperty({ type: 'string', format: 'uuid', nullable: true })
  task_id: string | null;

  /** Of the workflow that it has started. */
  @ApiProperty({ type: 'string', format: 'uuid', nullable: true })
  run_id: string | null;

  @ApiProperty({ type: 'object', additionalProperties: true, nullable: true })
  result: JsonObject | null;

  /** Why it has failed, or was skipped. */
  error: string | null;

  @ApiProperty({ type: 'string', format: 'date-time', nullable: true })
  started_at: string | null;

  @ApiProperty({ type: 'string', format: 'date-time', nullable: true })
  finished_at: string | null;

  duration_ms: number | null;

  /** null unless the step has `for_each`. */
  @ApiProperty({ type: [StepItemDto], nullable: true })
  items: StepItemDto[] | null;
}

/** A run as lists show it. */
export class RunSummaryDto {
  @ApiProperty({ format: 'uuid' })
  run_id: string;

  workflow: string;

  version: number;

  @ApiProperty({ enum: RUN_STATUSES, enumName: 'WorkflowRunStatus' })
  status: WorkflowRunStatus;

  /** Why nothing more begins while the run comes to its end. */
  @ApiProperty({ enum: STOP_REASONS, enumName: 'WorkflowRunStop', nullable: true })
  stopping: RunStop | null;

  @ApiProperty({ enum: RUN_TRIGGERS, enumName: 'WorkflowRunTrigger' })
  trigger: RunTrigger;

  @ApiProperty({ type: 'object', additionalProperties: true })
  inputs: JsonObject;

  concurrency_key: string | null;
  requested_by: string | null;

  @ApiProperty({ type: 'string', format: 'uuid', nullable: true })
  parent_run_id: string | null;

  error: string | null;

  /** How often it was resumed. */
  resumes: number;

  @ApiProperty({ format: 'date-time' })
  created_at: string;

  @ApiProperty({ type: 'string', format: 'date-time', nullable: true })
  started_at: string | null;

  @ApiProperty({ type: 'string', format: 'date-time', nullable: true })
  finished_at: string | null;

  @ApiProperty({ type: 'string', format: 'date-time', nullable: true })
  cancel_requested_at: string | null;
}

/** A run with its graph. */
export class WorkflowRunDto extends RunSummaryDto {
  /** What started it. */
  @ApiProperty({ type: 'object', additionalProperties: true })
  event: JsonObject;

  /** When it fails, if it has not ended. */
  @ApiProperty({ type: 'string', format: 'date-time', nullable: true })
  deadline_at: string | null;

  /** In the order of the definition. */
  steps: RunStepDto[];

  /** The graph with its states, as a Mermaid flowchart. */
  mermaid: string;
}

export class RunPageDto {
  /** Newest first. */
  items: RunSummaryDto[];

  /** Give it as `cursor` to get the next page; null on the last. */
  next_cursor: string | null;
}

export function toRunSummaryDto(run: WorkflowRunEntity): RunSummaryDto {
  return {
    run_id: run.id,
    workflow: run.workflowName,
    version: run.version,
    status: run.status,
    stopping: run.stopping,
    trigger: run.triggerKind,
    inputs: run.inputs,
    concurrency_key: run.concurrencyKey,
    requested_by: run.requestedBy,
    parent_run_id: run.parentRunId,
    error: run.error,
    resumes: run.resumes,
    created_at: run.createdAt.toISOString(),
    started_at: toIso(run.startedAt),
    finished_at: toIso(run.finishedAt),
    cancel_requested_at: toIso(run.cancelRequestedAt),
  };
}

export function toWorkflowRunDto(
  run: WorkflowRunEntity,
  definition: Definition,
  rows: readonly WorkflowStepEntity[],
): WorkflowRunDto {
  const steps = definition.steps.map((spec) => toRunStepDto(spec.name, definition, rows));
  const byName = new Map(steps.map((step) => [step.name, step]));
  return {
    ...toRunSummaryDto(run),
    event: run.event,
    deadline_at: toIso(run.deadlineAt),
    steps,
    mermaid: mermaidOf(definition, (name) => {
      const { status, items } = byName.get(name)!;
      const done = items?.filter((item) => item.status === 'completed').length;
      return { status, note: items === null ? status : `${status} ${done} of ${items.length}` };
    }),
  };
}

function toRunStepDto(name: string, { steps }: Definition, rows: readonly WorkflowStepEntity[]): RunStepDto {
  const spec = steps.find((step) => step.name === name)!;
  const head = rows.find((row) => row.name === name && isHead(row))!;
  const items = rows.filter((row) => row.name === name && !isHead(row)).sort((a, b) => a.item - b.item);
  return {
    name,
    kind: kindOf(spec),
    needs: spec.needs,
    status: head.status,
    attempt: head.attempt,
    task_id: head.taskId,
    run_id: head.childRunId,
    result: head.result,
    error: head.error,
    started_at: toIso(head.startedAt),
    finished_at: toIso(head.finishedAt),
    duration_ms:
      head.startedAt === null || head.finishedAt === null
        ? null
        : head.finishedAt.getTime() - head.startedAt.getTime(),
    items: spec.for_each === null ? null : items.map(toStepItemDto),
  };
}

function toStepItemDto(row: WorkflowStepEntity): StepItemDto {
  return {
    item_index: row.item,
    item: (row.request?.['item'] as JsonValue | undefined) ?? null,
    status: row.status,
    task_id: row.taskId,
    result: row.result,
    error: row.error,
    started_at: toIso(row.startedAt),
    finished_at: toIso(row.finishedAt),
  };
}

function toIso(date: Date | null): string | null {
  return date === null ? null : date.toISOString();
}
