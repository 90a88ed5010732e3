import { Injectable } from '@nestjs/common';
import { AppError, ConflictError, type Violation } from '../../common/errors.js';
import type { JsonObject } from '../../common/json.js';
import { TaskIntake } from '../../tasks/task-intake.js';
import { type Caller, TasksService } from '../../tasks/tasks.service.js';
import { WorkflowStore } from '../workflow-store.js';
import { Observer } from './observer.js';
import { isHead } from './run-state.js';
import { DEPTH_MAX, RunStarter } from './run-starter.js';
import type { WorkflowRunEntity } from './workflow-run.entity.js';
import type { WorkflowStepEntity } from './workflow-step.entity.js';

/** What came of handing over: where it goes on, or why it cannot. */
export type HandedOver =
  | { kind: 'task'; id: string }
  | { kind: 'run'; id: string }
  | { kind: 'refused'; message: string }
  | { kind: 'none' };

/**
 * Hands over what steps do, under a key that names run, step, item and attempt: repeated after a crash, it finds what
 * there is already. Tasks pass the same intake and policy as everybody's, as the workflow itself.
 */
@Injectable()
export class HandOver {
  constructor(
    private readonly tasks: TasksService,
    private readonly intake: TaskIntake,
    private readonly workflows: WorkflowStore,
    private readonly starter: RunStarter,
    private readonly observer: Observer,
  ) {}

  /** @throws Error when it cannot be told, e.g. without a database: it is tried again */
  async handOver(run: WorkflowRunEntity, step: WorkflowStepEntity): Promise<HandedOver> {
    try {
      const task = step.request!['task'] as JsonObject | undefined;
      return task === undefined ? await this.startRun(run, step) : await this.enqueue(run, step, task);
    } catch (error) {
      if (!(error instanceof AppError) || error.status >= 500) throw error;
      return refusal(error);
    }
  }

  /** For a run that is being stopped: what was handed over before, if anything was; nothing is any more. */
  async find(run: WorkflowRunEntity, step: WorkflowStepEntity): Promise<HandedOver> {
    const isTask = step.request!['task'] !== undefined;
    const key = keyOf(run, step);
    const id = isTask ? await this.observer.taskOf(key) : await this.observer.runOf(key);
    if (id === null) return { kind: 'none' };
    return isTask ? { kind: 'task', id } : { kind: 'run', id };
  }

  /** Asks a task to end; one that has ended is left as it is. */
  async cancelTask(run: WorkflowRunEntity, taskId: string): Promise<void> {
    try {
      await this.tasks.cancel(taskId, callerOf(run));
    } catch (error) {
      if (!(error instanceof AppError) || error.status >= 500) throw error;
    }
  }

  private async enqueue(
    run: WorkflowRunEntity,
    step: WorkflowStepEntity,
    task: JsonObject,
  ): Promise<HandedOver> {
    const { id: run_id, workflowName: workflow, version } = run;
    const about = {
      run_id,
      workflow,
      version,
      step: step.name,
      ...(isHead(step) ? {} : { item: step.item }),
    };
    const request = this.intake.check({
      ...task,
      source: `workflow:${workflow}`.slice(0, 64),
      metadata: { ...(task['metadata'] as JsonObject | undefined), workflow_run: about },
    });
    const { id } = await this.tasks.enqueue(request, keyOf(run, step), callerOf(run));
    return { kind: 'task', id };
  }

  private async startRun(run: WorkflowRunEntity, step: WorkflowStepEntity): Promise<HandedOver> {
    const { workflow: name, inputs } = step.request as { workflow: string; inputs: JsonObject };
    if (run.depth >= DEPTH_MAX) {
      return { kind: 'refused', message: `Workflows start each other ${DEPTH_MAX} deep at most.` };
    }
    const workflow = await this.workflows.get(name);
    const parent = await this.workflows.version(run.workflowId, run.version);
    const started = await this.starter.start({
      workflow,
      trigger: 'workflow',
      inputs,
      event: run.event,
      idempotencyKey: keyOf(run, step),
      requestedBy: `workflow:${run.workflowName}`,
      parentRunId: run.id,
      depth: run.depth + 1,
      timeoutSecondsMax: parent.steps.find((spec) => spec.name === step.name)!.timeout_seconds,
    });
    return { kind: 'run', id: started.run.id };
  }
}

/** The same for whoever looks at this attempt of this step, and for nothing else. */
export function keyOf({ id }: { id: string }, step: { name: string; item: number; attempt: number }): string {
  const item = isHead(step) ? '' : `:${step.item}`;
  return `workflow-run:${id}:${step.name}${item}:${step.attempt}`;
}

function callerOf({ id, workflowName }: WorkflowRunEntity): Caller {
  return {
    actor: `workflow:${workflowName}`,
    requestId: `workflow-run:${id}`,
    causedBy: { kind: 'workflow_run', id },
  };
}

function refusal(error: AppError): HandedOver {
  const { task_id, run_id, errors, violations } = error.extensions as Record<string, unknown>;
  // The key is this step's alone: what it stands for is this step's, although defaults have changed with an upgrade.
  if (error instanceof ConflictError && typeof task_id === 'string') return { kind: 'task', id: task_id };
  if (error instanceof ConflictError && typeof run_id === 'string') return { kind: 'run', id: run_id };
  const details = ((errors ?? violations ?? []) as Partial<Violation>[])
    .map(({ pointer, message }) => (pointer === undefined ? message : `${pointer}: ${message}`))
    .join('; ');
  return { kind: 'refused', message: `${error.publicMessage}${details === '' ? '' : ` ${details}`}` };
}
