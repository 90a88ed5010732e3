import type { Example } from './event-examples.js';

const WORKFLOW_ID = '019aa5a4-9000-7a10-8b1c-2d3e4f5a6b7c';
const RUN_ID = '019aa5a4-9100-7b20-9c2d-3e4f5a6b7c8d';
const TASK_ID = '019aa5a4-6c1e-7b3a-9d51-0f4c5e1a2b3c';
const AT = '2026-11-22T09:30:00.000Z';
const LATER = '2026-11-22T09:30:04.120Z';

const TASK = {
  type: 'test',
  payload: { script: 'npm test' },
  target: { repository: '${{ inputs.repository }}' },
};
const INPUTS = { repository: { type: 'string', required: true, default: '${{ event.data.repository }}' } };
const SCHEDULE = {
  name: 'weekdays',
  cron: '30 2 * * 1-5',
  time_zone: 'Europe/Berlin',
  inputs: { repository: 'acme/widgets' },
};
const DOCUMENT = {
  name: 'nightly_checks',
  description: 'Tests every night and after every commit',
  trigger_events: ['development.code_commit'],
  inputs: INPUTS,
  steps: [{ name: 'test', task: TASK }],
  schedules: [SCHEDULE],
};
const STEP = {
  name: 'test',
  description: '',
  needs: [],
  if: null,
  task: TASK,
  for_each: null,
  max_parallel: null,
  wait_for: null,
  wait_until: null,
  workflow: null,
  retries: 0,
  timeout_seconds: null,
  on_failure: 'stop',
};
const WORKFLOW = {
  id: WORKFLOW_ID,
  name: DOCUMENT.name,
  description: DOCUMENT.description,
  trigger_events: DOCUMENT.trigger_events,
  trigger_conditions: null,
  steps: [STEP],
  status: 'completed',
  is_active: true,
  timeout_seconds: 3600,
  execution_count: 1,
  created_at: AT,
  last_executed_at: AT,
  last_result: { run_id: RUN_ID, version: 1, status: 'completed' },
  last_error: null,
  version: 1,
  origin: 'api',
  inputs: { repository: { ...INPUTS.repository, description: '' } },
  concurrency_key: null,
  schedules: [{ ...SCHEDULE, missed: 'run_once', missed_max: 10, overlap: 'skip' }],
  updated_at: AT,
};
const SUMMARY = {
  run_id: RUN_ID,
  workflow: DOCUMENT.name,
  version: 1,
  status: 'completed',
  stopping: null,
  trigger: 'manual',
  inputs: { repository: 'acme/widgets' },
  concurrency_key: null,
  requested_by: 'default',
  parent_run_id: null,
  error: null,
  resumes: 0,
  created_at: AT,
  started_at: AT,
  finished_at: LATER,
  cancel_requested_at: null,
};
const RUN = {
  ...SUMMARY,
  event: { id: null, type: 'workflow.manual', source: 'default', data: {}, tags: {} },
  deadline_at: '2026-11-22T10:30:00.000Z',
  steps: [
    {
      name: 'test',
      kind: 'task',
      needs: [],
      status: 'completed',
      attempt: 1,
      task_id: TASK_ID,
      run_id: null,
      result: { exit_code: 0 },
      error: null,
      started_at: AT,
      finished_at: LATER,
      duration_ms: 4120,
      items: null,
    },
  ],
  mermaid: 'flowchart TD\n  s_test["test<br/>completed"]:::completed',
};
const CANCELLED = { ...RUN, status: 'cancelled', stopping: 'cancelled', error: 'Cancelled by default.' };
const QUEUED = { ...RUN, status: 'queued', resumes: 1, finished_at: null, deadline_at: null };
const VIEW = {
  ...SCHEDULE,
  name: 'nightly_checks.weekdays',
  workflow: DOCUMENT.name,
  missed: 'run_once',
  missed_max: 10,
  overlap: 'skip',
  next_fire_at: '2026-11-23T01:30:00.000Z',
  decided_until: AT,
};
const DECISION = {
  fire_at: '2026-11-20T01:30:00.000Z',
  kind: 'tick',
  outcome: 'skipped_overlap',
  reason: 'The run before it had not ended.',
  run_id: null,
  decided_by: null,
  decided_at: '2026-11-20T01:30:00.214Z',
};

/** For each operation on workflows, runs and schedules. */
export const WORKFLOW_EXAMPLES: Record<string, Example> = {
  listWorkflows: { response: [WORKFLOW] },
  getWorkflow: { response: WORKFLOW },
  saveWorkflow: { request: DOCUMENT, response: WORKFLOW },
  startWorkflowRun: {
    request: { inputs: { repository: 'acme/widgets' } },
    response: { ...SUMMARY, status: 'queued', started_at: null, finished_at: null },
  },
  listWorkflowRuns: { response: { items: [SUMMARY], next_cursor: null } },
  getWorkflowRun: { response: RUN },
  cancelWorkflowRun: { response: CANCELLED },
  resumeWorkflowRun: { request: { from_step: 'test' }, response: QUEUED },
  listSchedules: { response: { items: [VIEW] } },
  getSchedule: { response: VIEW },
  listScheduleDecisions: { response: { items: [DECISION], next_cursor: null } },
  backfillSchedule: {
    request: { from: '2026-11-20T00:00:00Z', to: '2026-11-20T12:00:00Z' },
    response: {
      items: [
        {
          ...DECISION,
          kind: 'backfill',
          outcome: 'fired',
          reason: 'Asked for by default.',
          run_id: RUN_ID,
          decided_by: 'default',
          decided_at: null,
        },
      ],
    },
  },
};
