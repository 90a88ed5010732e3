import type { JsonObject } from '../../common/json.js';
import { type Definition, failureSteps, type StepSpec } from '../definition/definition.js';
import type { Scope } from '../definition/expression.js';
import type { Observations, Plan, RunChange, RunState, StepState } from './run-state.js';
import { hasEnded, isHead, newStep } from './run-state.js';
import type { RunStop } from './workflow-run.entity.js';
import { NO_ITEM, type StepStatus } from './workflow-step.entity.js';

const ERROR_CHARS_MAX = 2_000;

/** A copy of a run and its steps on which advance() works, and which knows what became different. */
export class RunBoard {
  /** Whether anything has changed since this was last set to false. */
  changed = false;
  private readonly steps: Map<string, StepState>;
  private readonly touched = new Set<string>();
  private readonly runChange: RunChange = {};
  private readonly onFailure: ReadonlySet<string>;

  constructor(
    readonly definition: Definition,
    readonly run: RunState,
    steps: readonly StepState[],
    readonly observed: Observations,
  ) {
    this.onFailure = failureSteps(definition.steps);
    this.steps = new Map(steps.map((step) => [keyOf(step.name, step.item), { ...step }]));
  }

  get stopping(): RunStop | null {
    return this.runChange.stopping ?? this.run.stopping;
  }

  /** Every row, of steps and of items. */
  rows(): StepState[] {
    return [...this.steps.values()];
  }

  head(name: string): StepState {
    return this.steps.get(keyOf(name, NO_ITEM))!;
  }

  /** In the order of the list. */
  items(name: string): StepState[] {
    return this.rows()
      .filter((row) => row.name === name && !isHead(row))
      .sort((a, b) => a.item - b.item);
  }

  spec(name: string): StepSpec {
    return this.definition.steps.find((step) => step.name === name)!;
  }

  /** Whether the step runs only when another one has failed. */
  isOnFailure(name: string): boolean {
    return this.onFailure.has(name);
  }

  /** What expressions of a step see. */
  scope(more: Scope = {}): Scope {
    const { id, workflowName, version, startedAt, event, inputs } = this.run;
    const heads = this.rows().filter(isHead);
    return {
      event,
      inputs,
      run: { id, workflow: workflowName, version, started_at: startedAt?.toISOString() ?? null },
      steps: Object.fromEntries(
        heads.map(({ name, status, result, error }): [string, JsonObject] => [
          name,
          { status, result, error },
        ]),
      ),
      ...more,
    };
  }

  addItem(name: string, item: number, request: JsonObject): void {
    const row = newStep(name, item, { attempt: this.head(name).attempt, request });
    this.steps.set(keyOf(name, item), row);
    this.touch(row);
  }

  change(row: StepState, changes: Partial<StepState>): void {
    const begins =
      changes.status !== undefined && !hasEnded({ status: changes.status }) && row.startedAt === null;
    Object.assign(row, begins ? { startedAt: this.observed.now } : {}, changes);
    this.touch(row);
  }

  end(
    row: StepState,
    status: Extract<StepStatus, 'completed' | 'failed' | 'skipped' | 'cancelled'>,
    { result = row.result, error = null }: { result?: JsonObject | null; error?: string | null },
  ): void {
    if (hasEnded(row)) return;
    const short = error === null ? null : error.slice(0, ERROR_CHARS_MAX);
    this.change(row, { status, result, error: short, finishedAt: this.observed.now });
  }

  /** The first reason stands, but for one that is more urgent: cancelled before timeout before failed. */
  stop(reason: RunStop, error: string): void {
    const order: (RunStop | null)[] = [null, 'failed', 'timeout', 'cancelled'];
    if (order.indexOf(reason) <= order.indexOf(this.stopping)) return;
    this.runChange.stopping = reason;
    this.runChange.error = error.slice(0, ERROR_CHARS_MAX);
    this.changed = true;
  }

  endRun(status: 'completed' | 'failed' | 'cancelled'): void {
    this.runChange.status = status;
  }

  plan(): Plan {
    return { run: this.runChange, steps: [...this.touched].map((key) => this.steps.get(key)!) };
  }

  private touch({ name, item }: StepState): void {
    this.touched.add(keyOf(name, item));
    this.changed = true;
  }
}

function keyOf(name: string, item: number): string {
  return `${name} ${item}`;
}
