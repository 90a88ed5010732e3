import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource, type EntityManager } from 'typeorm';
import type { JsonObject } from '../../common/json.js';
import { EventLog } from '../../events/event-log.js';
import { EVENT_TYPES } from '../../events/event-types.js';
import type { Definition } from '../definition/definition.js';
import { WorkflowStore } from '../workflow-store.js';
import { advance } from './advance.js';
import { HandOver, type HandedOver } from './hand-over.js';
import { Observer } from './observer.js';
import { hasEnded, isHardStop, isHead, type Observations, type Plan, type StepState } from './run-state.js';
import { type ClaimedRun, isKeyTaken, RunStore } from './run-store.js';
import type { WorkflowStepEntity } from './workflow-step.entity.js';

/** Where nothing tells us that something moved: events are looked for this often, everything else less. */
const LOOK_FOR_EVENTS_SECONDS = 5;
const LOOK_SECONDS = 60;
const LOOK_AT_CANCELLED_SECONDS = 1;

/** Everything that is to be done for one claimed run, until it waits for something or has ended. */
@Injectable()
export class RunRound {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly store: RunStore,
    private readonly workflows: WorkflowStore,
    private readonly observer: Observer,
    private readonly handOver: HandOver,
    private readonly events: EventLog,
  ) {}

  /**
   * @param now the time of the database, by the monotonic clock of this process
   * @param keep called between two steps of the work: renews the lease, or throws
   * @returns seconds until somebody must look again; null when the run has ended
   * @throws LeaseLostError, or what the database says: then it is all done again by whoever looks next
   */
  async look(claimed: ClaimedRun, now: () => Date, keep: () => Promise<void>): Promise<number | null> {
    const definition = await this.workflows.version(claimed.workflowId, claimed.version);
    let run = claimed;
    for (;;) {
      await keep();
      if (run.status === 'queued' && run.cancelRequestedAt === null) {
        const begun = await this.begin(run);
        if (begun === null) return LOOK_SECONDS;
        run = begun;
      }
      const steps = await this.store.steps(run.id);
      const observed = await this.observer.observe(definition, run, steps, now());
      const plan = advance(definition, run, steps, observed);
      run = await this.write(run, plan, steps);
      if (plan.run.status !== undefined) return null;
      const acted = await this.act(run, await this.store.steps(run.id), observed, keep);
      if (!acted && plan.steps.length === 0) return nextLook(definition, run, steps, now());
    }
  }

  /** @returns null while another run with its key goes on */
  private async begin(run: ClaimedRun): Promise<ClaimedRun | null> {
    try {
      const begun = await this.dataSource.transaction(async (manager) => {
        const row = await this.store.begin(manager, run);
        if (row === null) return null;
        const { workflowId, event, inputs } = row;
        await this.workflows.noteBegin(manager, workflowId, { event, inputs, run_id: row.id });
        await this.record(manager, row, EVENT_TYPES.WORKFLOW_TRIGGERED, 'begin', {
          trigger: row.triggerKind,
        });
        return row as ClaimedRun;
      });
      if (begun !== null) this.events.announce();
      return begun;
    } catch (error) {
      if (isKeyTaken(error)) return null;
      throw error;
    }
  }

  private async write(
    run: ClaimedRun,
    plan: Plan,
    before: readonly WorkflowStepEntity[],
  ): Promise<ClaimedRun> {
    const waited = before.filter((step) => step.waitPattern !== null && !hasEnded(step));
    const changed = withWaits(plan.steps, waited);
    if (changed.length === 0 && Object.keys(plan.run).length === 0) return run;
    const written = await this.dataSource.transaction(async (manager) => {
      const row = await this.writeRun(manager, run, plan);
      await this.store.writeSteps(manager, run.id, changed);
      return row;
    });
    if (plan.run.status !== undefined) this.events.announce();
    return written;
  }

  private async writeRun(
    manager: EntityManager,
    run: ClaimedRun,
    { run: change }: Plan,
  ): Promise<ClaimedRun> {
    const { status, stopping, error } = change;
    const parameters = [stopping ?? run.stopping, error ?? run.error];
    const set = 'stopping = $3, error = $4';
    if (status === undefined) {
      return (await this.store.guarded(manager, run, set, parameters)) as ClaimedRun;
    }
    const ended = await this.store.guarded(manager, run, `${set}, ${this.store.endSql('$5')}`, [
      ...parameters,
      status,
    ]);
    const result = { run_id: run.id, version: run.version, status };
    if (status === 'running' || status === 'queued') return ended as ClaimedRun;
    await this.workflows.noteEnd(manager, run.workflowId, status, result, ended.error);
    await this.record(manager, ended, EVENT_TYPES.WORKFLOW_COMPLETED, 'end', { status, error: ended.error });
    return ended as ClaimedRun;
  }

  private async record(
    manager: EntityManager,
    run: Pick<ClaimedRun, 'id' | 'workflowName' | 'version' | 'resumes'>,
    type: string,
    what: string,
    data: JsonObject,
  ): Promise<void> {
    const { id, workflowName: workflow, version, resumes } = run;
    await this.events.record(
      {
        type,
        source: `workflow:${workflow}`,
        data: { run_id: id, workflow, version, ...data },
        dedupId: `${id}:${resumes}:${what}`,
        causedBy: { kind: 'workflow_run', id },
        actor: `workflow:${workflow}`,
      },
      manager,
    );
  }

  /** Does outside what was decided. @returns whether anything of the run is different now */
  private async act(
    run: ClaimedRun,
    steps: readonly WorkflowStepEntity[],
    observed: Observations,
    keep: () => Promise<void>,
  ): Promise<boolean> {
    const hard = isHardStop(run.stopping);
    const starting = steps.filter(({ status }) => status === 'starting');
    for (const step of starting) {
      await keep();
      const outcome = hard ? await this.handOver.find(run, step) : await this.handOver.handOver(run, step);
      await this.note(run, step, outcome, observed.now);
    }
    if (hard) await this.cancelAll(run, steps);
    return starting.length > 0;
  }

  private async note(
    run: ClaimedRun,
    step: WorkflowStepEntity,
    outcome: HandedOver,
    now: Date,
  ): Promise<void> {
    const changed = { ...step, ...changeOf(outcome, now) };
    try {
      await this.dataSource.transaction(async (manager) => {
        await this.store.guarded(manager, run, 'error = error', []);
        await this.store.writeSteps(manager, run.id, [changed]);
      });
    } catch (error) {
      // Nobody may know of the task: a run that was stopped meanwhile would leave it behind.
      if (outcome.kind === 'task' && !(await this.isWanted(run, step))) {
        await this.handOver.cancelTask(run, outcome.id);
      }
      throw error;
    }
  }

  private async isWanted(run: ClaimedRun, step: WorkflowStepEntity): Promise<boolean> {
    const row = (await this.store.steps(run.id)).find(({ id }) => id === step.id);
    return row !== undefined && row.attempt === step.attempt && !hasEnded(row);
  }

  private async cancelAll(run: ClaimedRun, steps: readonly WorkflowStepEntity[]): Promise<void> {
    for (const { status, taskId, childRunId } of steps) {
      if (status !== 'running') continue;
      if (taskId !== null) await this.handOver.cancelTask(run, taskId);
      if (childRunId !== null) {
        await this.store.askToCancel(childRunId, `workflow:${run.workflowName}`);
      }
    }
  }
}

function changeOf(outcome: HandedOver, now: Date): Partial<StepState> {
  switch (outcome.kind) {
    case 'task':
      return { status: 'running', taskId: outcome.id };
    case 'run':
      return { status: 'running', childRunId: outcome.id };
    case 'refused':
      return { status: 'failed', error: outcome.message.slice(0, 2_000), finishedAt: now };
    case 'none':
      return { status: 'cancelled', error: 'The run was stopped.', finishedAt: now };
    default:
      return outcome satisfies never;
  }
}

/** What was seen of the events is kept with the step, beside what else has changed of it. */
function withWaits(changed: readonly StepState[], waited: readonly WorkflowStepEntity[]): StepState[] {
  const missing = waited.filter(
    (step) => !changed.some(({ name, item }) => name === step.name && item === step.item),
  );
  return [...changed, ...missing];
}

function nextLook(
  definition: Definition,
  run: ClaimedRun,
  steps: readonly WorkflowStepEntity[],
  now: Date,
): number {
  if (isHardStop(run.stopping)) return LOOK_AT_CANCELLED_SECONDS;
  const waitsForEvent = steps.some(
    (step) =>
      step.status === 'running' &&
      isHead(step) &&
      definition.steps.find(({ name }) => name === step.name)?.wait_for,
  );
  const times = [
    run.deadlineAt,
    ...steps.filter(({ status }) => status === 'running').map(({ wakeAt }) => wakeAt),
  ];
  const seconds = times.flatMap((time) => (time === null ? [] : [(time.getTime() - now.getTime()) / 1_000]));
  return Math.max(0, Math.min(waitsForEvent ? LOOK_FOR_EVENTS_SECONDS : LOOK_SECONDS, ...seconds));
}
