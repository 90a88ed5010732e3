import type { JsonObject, JsonValue } from '../../common/json.js';
import type {
  Definition,
  EventWait,
  InputSpec,
  OnFailure,
  ScheduleSpec,
  StepSpec,
  TimeWait,
} from './definition.js';

const RUN_SECONDS = 3_600;
const MISSED_MAX = 10;

/**
 * The one normal form of what was sent, every default filled in. Members of a wrong type count as absent: they are
 * violations of the shape already, and everything else is checked nevertheless, so that one answer lists all.
 */
export function normalForm(sent: JsonObject): Definition {
  return {
    name: text(sent['name']) ?? '',
    description: text(sent['description']) ?? '',
    trigger_events: texts(sent['trigger_events']),
    trigger_conditions: text(sent['trigger_conditions']),
    inputs: Object.fromEntries(
      Object.entries(object(sent['inputs']) ?? {}).map(([name, input]) => [
        name,
        inputOf(object(input) ?? {}),
      ]),
    ),
    concurrency_key: text(sent['concurrency_key']),
    timeout_seconds: number(sent['timeout_seconds']) ?? RUN_SECONDS,
    is_active: sent['is_active'] !== false,
    steps: list(sent['steps']).map((step) => stepOf(object(step) ?? {})),
    schedules: list(sent['schedules']).map((schedule) => scheduleOf(object(schedule) ?? {})),
  };
}

function inputOf(sent: JsonObject): InputSpec {
  return {
    type: (text(sent['type']) ?? 'string') as InputSpec['type'],
    description: text(sent['description']) ?? '',
    required: sent['required'] === true,
    ...(sent['default'] == null ? {} : { default: sent['default'] as JsonValue }),
    ...(Array.isArray(sent['enum']) ? { enum: sent['enum'] as JsonValue[] } : {}),
  };
}

function stepOf(sent: JsonObject): StepSpec {
  const workflow = object(sent['workflow']);
  return {
    name: text(sent['name']) ?? '',
    description: text(sent['description']) ?? '',
    needs: [...new Set(texts(sent['needs']))],
    if: text(sent['if']),
    task: object(sent['task']),
    for_each: text(sent['for_each']),
    max_parallel: number(sent['max_parallel']),
    wait_for: eventWaitOf(object(sent['wait_for'])),
    wait_until: timeWaitOf(object(sent['wait_until'])),
    workflow: workflow && { name: text(workflow['name']) ?? '', inputs: object(workflow['inputs']) ?? {} },
    retries: number(sent['retries']) ?? 0,
    timeout_seconds: number(sent['timeout_seconds']),
    on_failure: onFailureOf(sent['on_failure']),
  };
}

function eventWaitOf(sent: JsonObject | null): EventWait | null {
  if (sent === null) return null;
  return {
    event: text(sent['event']) ?? '',
    if: text(sent['if']),
    since: sent['since'] === 'step' ? 'step' : 'run',
  };
}

function timeWaitOf(sent: JsonObject | null): TimeWait | null {
  return sent && { seconds: number(sent['seconds']), time: text(sent['time']) };
}

function onFailureOf(sent: unknown): OnFailure {
  if (sent === 'continue') return 'continue';
  const run = object(sent)?.['run'] as unknown;
  return Array.isArray(run) ? { run: texts(run) } : 'stop';
}

function scheduleOf(sent: JsonObject): ScheduleSpec {
  return {
    name: text(sent['name']) ?? '',
    cron: text(sent['cron']) ?? '',
    time_zone: text(sent['time_zone']) ?? 'UTC',
    inputs: object(sent['inputs']) ?? {},
    missed: (text(sent['missed']) ?? 'run_once') as ScheduleSpec['missed'],
    missed_max: number(sent['missed_max']) ?? MISSED_MAX,
    overlap: (text(sent['overlap']) ?? 'skip') as ScheduleSpec['overlap'],
  };
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function number(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : [];
}

function texts(value: unknown): string[] {
  return list(value).filter((each) => typeof each === 'string');
}

function object(value: unknown): JsonObject | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null;
}
