import type { JsonObject, JsonValue } from '../../common/json.js';
import type { InputType, OnFailure, ScheduleSpec } from './definition.js';

export interface InputOptions {
  description?: string;
  required?: boolean;
  /** A value, or a template over `event`. */
  default?: JsonValue;
  enum?: JsonValue[];
}

/** What every step may say. Expressions are CEL. */
export interface StepCommon {
  description?: string;
  needs?: string[];
  if?: string;
  timeout_seconds?: number;
  on_failure?: OnFailure;
}

export interface TaskStep extends StepCommon {
  task: JsonObject & { type: string; payload: JsonObject | string };
  for_each?: string;
  max_parallel?: number;
  retries?: number;
}

export interface EventStep extends StepCommon {
  wait_for: { event: string; if?: string; since?: 'run' | 'step' };
}

export interface TimeStep extends Omit<StepCommon, 'timeout_seconds'> {
  wait_until: { seconds: number } | { time: string };
}

export interface WorkflowStep extends StepCommon {
  workflow: { name: string; inputs?: JsonObject };
}

export type Step = TaskStep | EventStep | TimeStep | WorkflowStep;

/**
 * Writes a definition in code. What it builds is checked like every other definition, when the tower starts.
 *
 * @example
 * ```ts
 * workflow('nightly_checks', 'Tests every night, and scans what passed')
 *   .input('repository', 'string', { required: true })
 *   .step('test', { task: { type: 'test', payload: { script: 'npm test' }, target: { repository: '${{ inputs.repository }}' } } })
 *   .step('scan', { needs: ['test'], task: { type: 'scan', payload: { script: 'npm run scan' } } })
 *   .schedule('nightly', '30 2 * * *', { time_zone: 'Europe/Berlin', inputs: { repository: 'acme/widgets' } })
 *   .build();
 * ```
 */
export class WorkflowBuilder {
  private readonly document: JsonObject & { steps: JsonObject[]; schedules: JsonObject[] };

  constructor(name: string, description: string) {
    this.document = { name, description, steps: [], schedules: [], inputs: {}, trigger_events: [] };
  }

  /** Types of events, or patterns such as `deployment.*`, that start a run. */
  triggeredBy(...patterns: string[]): this {
    (this.document['trigger_events'] as string[]).push(...patterns);
    return this;
  }

  /** CEL over `event`; where it is false, the event starts nothing. */
  withCondition(expression: string): this {
    this.document['trigger_conditions'] = expression;
    return this;
  }

  input(name: string, type: InputType, options: InputOptions = {}): this {
    (this.document['inputs'] as JsonObject)[name] = { type, ...options };
    return this;
  }

  step(name: string, step: Step): this {
    this.document.steps.push({ name, ...step });
    return this;
  }

  schedule(name: string, cron: string, options: Partial<Omit<ScheduleSpec, 'name' | 'cron'>> = {}): this {
    this.document.schedules.push({ name, cron, ...options });
    return this;
  }

  /** Of all runs with the same key, a template over `event` and `inputs`, one goes on at a time. */
  oneAtATime(key: string): this {
    this.document['concurrency_key'] = key;
    return this;
  }

  within(seconds: number): this {
    this.document['timeout_seconds'] = seconds;
    return this;
  }

  /** The document, as it could be handed in to POST /workflows. */
  build(): JsonObject {
    return structuredClone(this.document);
  }
}

export function workflow(name: string, description: string): WorkflowBuilder {
  return new WorkflowBuilder(name, description);
}
