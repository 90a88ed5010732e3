import type { JsonObject } from '../../common/json.js';
import type { TaskStatus } from '../../tasks/task-status.js';
import type { RunStop, WorkflowRunEntity, WorkflowRunStatus } from './workflow-run.entity.js';
import { NO_ITEM, type StepStatus, type WorkflowStepEntity } from './workflow-step.entity.js';

/** What is decided about a run: the part of its row that advance() reads. */
export type RunState = Pick<
  WorkflowRunEntity,
  | 'id'
  | 'workflowName'
  | 'version'
  | 'status'
  | 'stopping'
  | 'event'
  | 'inputs'
  | 'error'
  | 'timeoutSeconds'
  | 'startedAt'
  | 'deadlineAt'
  | 'cancelRequestedAt'
  | 'cancelledBy'
>;

/** The part of the row of a step, or of an item, that advance() reads and changes. */
export type StepState = Pick<
  WorkflowStepEntity,
  | 'name'
  | 'item'
  | 'status'
  | 'attempt'
  | 'request'
  | 'taskId'
  | 'childRunId'
  | 'waitPattern'
  | 'waitSeenAt'
  | 'wakeAt'
  | 'result'
  | 'error'
  | 'startedAt'
  | 'finishedAt'
>;

/** How things stand outside of the run, read before it is decided what follows. */
export interface Observations {
  now: Date;
  /** By id; a task that is not there any more is missing. */
  tasks: ReadonlyMap<string, { status: TaskStatus; result: JsonObject | null; error: string | null }>;
  /** By id. */
  children: ReadonlyMap<string, { status: WorkflowRunStatus; error: string | null }>;
  /** By name of the step that waits: the event that it waited for. */
  received: ReadonlyMap<string, JsonObject>;
}

export type RunChange = Partial<Pick<RunState, 'status' | 'stopping' | 'error'>>;

/** What changes, in one transaction. Steps are whole rows: those that are new, and those that have changed. */
export interface Plan {
  run: RunChange;
  steps: StepState[];
}

const ENDED: ReadonlySet<StepStatus> = new Set(['completed', 'failed', 'skipped', 'cancelled']);

export function hasEnded({ status }: { status: StepStatus }): boolean {
  return ENDED.has(status);
}

/** Everything that goes on is stopped; with `failed`, what runs may finish. */
export function isHardStop(stopping: RunStop | null): boolean {
  return stopping === 'cancelled' || stopping === 'timeout';
}

export function isHead({ item }: { item: number }): boolean {
  return item === NO_ITEM;
}

export function newStep(name: string, item: number = NO_ITEM, changes: Partial<StepState> = {}): StepState {
  return {
    name,
    item,
    status: 'pending',
    attempt: 1,
    request: null,
    taskId: null,
    childRunId: null,
    waitPattern: null,
    waitSeenAt: null,
    wakeAt: null,
    result: null,
    error: null,
    startedAt: null,
    finishedAt: null,
    ...changes,
  };
}
