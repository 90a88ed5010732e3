import type { JsonObject, JsonValue } from '../../common/json.js';

export const INPUT_TYPES = ['string', 'integer', 'number', 'boolean', 'array', 'object'] as const;
export type InputType = (typeof INPUT_TYPES)[number];

/** One input of a workflow. A default may be a template over `event`: that is how a trigger becomes inputs. */
export interface InputSpec {
  type: InputType;
  description: string;
  required: boolean;
  default?: JsonValue;
  enum?: JsonValue[];
}

export const MISSED_POLICIES = ['skip', 'run_once', 'run_all'] as const;
export type MissedPolicy = (typeof MISSED_POLICIES)[number];
export const OVERLAP_POLICIES = ['skip', 'queue', 'allow'] as const;
export type OverlapPolicy = (typeof OVERLAP_POLICIES)[number];

/** When a workflow starts by itself. */
export interface ScheduleSpec {
  name: string;
  cron: string;
  time_zone: string;
  inputs: JsonObject;
  /** What becomes of ticks that passed while no process looked: of more than `missed_max` the newest count. */
  missed: MissedPolicy;
  missed_max: number;
  /** What becomes of a tick while a run of the same schedule has not ended. */
  overlap: OverlapPolicy;
}

/** `run`: the named steps run, then the workflow has failed as with `stop`. */
export type OnFailure = 'stop' | 'continue' | { run: string[] };

export interface EventWait {
  event: string;
  /** CEL over `received`, the event that came, and what the other expressions know. */
  if: string | null;
  /** `run`: an event counts from the start of the run on, so that one that came early is not missed. */
  since: 'run' | 'step';
}

export interface TimeWait {
  seconds: number | null;
  /** RFC 3339, or a template that gives it. */
  time: string | null;
}

export interface StepSpec {
  name: string;
  description: string;
  needs: string[];
  /** CEL; a step whose condition is false is skipped. */
  if: string | null;
  task: JsonObject | null;
  /** CEL that gives a list: the task is made once for each `item`. */
  for_each: string | null;
  max_parallel: number | null;
  wait_for: EventWait | null;
  wait_until: TimeWait | null;
  workflow: { name: string; inputs: JsonObject } | null;
  retries: number;
  timeout_seconds: number | null;
  on_failure: OnFailure;
}

/** A workflow in its one normal form, every default filled in: what is checked, hashed, stored and run. */
export interface Definition {
  name: string;
  description: string;
  trigger_events: string[];
  trigger_conditions: string | null;
  inputs: Record<string, InputSpec>;
  concurrency_key: string | null;
  timeout_seconds: number;
  is_active: boolean;
  steps: StepSpec[];
  schedules: ScheduleSpec[];
}

export const STEP_KINDS = ['task', 'wait_for', 'wait_until', 'workflow'] as const;
export type StepKind = (typeof STEP_KINDS)[number];

/** What a step does; of a checked definition it is exactly one thing. */
export function kindOf(step: StepSpec): StepKind {
  return STEP_KINDS.find((kind) => step[kind] !== null)!;
}

/** Names of the steps that run only when another one has failed. */
export function failureSteps(steps: readonly StepSpec[]): Set<string> {
  return new Set(steps.flatMap(({ on_failure }) => (typeof on_failure === 'string' ? [] : on_failure.run)));
}
