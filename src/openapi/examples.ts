import type { OpenAPIObject } from '@nestjs/swagger';
import type { JsonObject } from '../common/json.js';
import { AGENT_EXAMPLES } from './agent-examples.js';
import { EVENT_EXAMPLES, type Example } from './event-examples.js';
import { WORKFLOW_EXAMPLES } from './workflow-examples.js';

const TASK_ID = '019aa5a4-6c1e-7b3a-9d51-0f4c5e1a2b3c';
const RUN_ID = '019aa5a4-6c4f-7c11-8f2e-5d3c2b1a0f9e';
const CALLBACK_ID = '019aa5a4-7d20-7a55-b1c4-1f2e3d4c5b6a';
const COMMIT = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';
const AT = '2026-11-22T09:30:00.000Z';
const LATER = '2026-11-22T09:30:04.120Z';
const SHA256 = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08';
const TRACE = `2026-11-22/${TASK_ID}/run-1`;

const REQUEST = {
  type: 'test',
  payload: { script: 'npm ci\nnpm test', reports: { junit: ['reports/*.xml'] } },
  target: { repository: 'https://github.com/acme/widgets', ref: 'main' },
  tags: ['ci'],
};
const OPTIONS = {
  timeout_seconds: 900,
  retries: 0,
  retry_delay_seconds: 5,
  queue: 'default',
  sandbox: { mode: 'preferred', network: false },
};
const RULE = {
  rule: 'timeout-bounds',
  code: 'TIMEOUT_OUT_OF_BOUNDS',
  outcome: 'passed',
  message: 'A timeout of 900 s is allowed.',
  field: 'options.timeout_seconds',
  value: 900,
  allowed: { min: 1, max: 86400 },
};
const { outcome: _outcome, ...VIOLATION } = RULE;
const VERDICT = { decision: 'allow', version: '0d523d8475f3db3e', rules: [RULE] };
const RESULT = { exit_code: 0, duration_ms: 3980, commit: COMMIT };
const ENQUEUED = { task_id: TASK_ID, status: 'queued', created_at: AT };
const TASK = {
  task_id: TASK_ID,
  ...REQUEST,
  status: 'completed',
  priority: 'medium',
  source: 'github-actions',
  options: OPTIONS,
  metadata: {},
  idempotency_key: 'build-4711',
  callback_url: null,
  queue: 'default',
  created_at: AT,
  updated_at: LATER,
  started_at: AT,
  completed_at: LATER,
  run_at: AT,
  expires_at: null,
  cancel_requested_at: null,
  worker_id: 'host:4711:1a2b3c4d',
  attempt: 1,
  max_attempts: 1,
  run_id: null,
  requested_by: 'default',
  request_id: 'req-1',
  caused_by: null,
  policy: VERDICT,
  trace_path: TRACE,
  replay_of: null,
  result: RESULT,
  failure: null,
  error: null,
};
const CANCELLED = {
  ...TASK,
  status: 'cancelled',
  result: null,
  failure: { reason: 'cancelled', message: 'Cancelled.' },
  error: 'Cancelled.',
};
const REQUEUED = { ...TASK, status: 'queued', completed_at: null, result: null };
const CALLBACK = {
  callback_id: CALLBACK_ID,
  task_id: TASK_ID,
  url: 'https://ci.acme.example/hooks/tower',
  event: 'task.completed',
  status: 'delivered',
  attempt: 1,
  attempts: [{ at: LATER, status_code: 204, error: null, duration_ms: 41 }],
  last_status_code: 204,
  last_error: null,
  next_attempt_at: null,
  created_at: LATER,
  delivered_at: LATER,
};
const CHECKS = { database: { status: 'up', message: null }, disk: { status: 'up', message: null } };

/** For each operation: what may be sent, and what is answered. */
const EXAMPLES: Record<string, Example> = {
  enqueueTask: { request: REQUEST, response: ENQUEUED },
  enqueueTasks: {
    request: {
      tasks: [
        REQUEST,
        { type: 'deploy', payload: { script: 'make deploy' }, options: { timeout_seconds: 86400 } },
      ],
    },
    response: {
      items: [
        { ...ENQUEUED, status_code: 201 },
        {
          type: '/docs/errors.md#policy_denied',
          title: 'Forbidden',
          status: 403,
          detail: 'A timeout of 86400 s is not allowed.',
          instance: '/tasks/enqueue/batch',
          code: 'POLICY_DENIED',
          request_id: 'req-1',
          violations: [{ ...VIOLATION, message: 'A timeout of 86400 s is not allowed.', value: 86400 }],
          status_code: 403,
        },
      ],
    },
  },
  listTasks: { response: { items: [TASK], next_cursor: null } },
  getTaskStats: {
    response: {
      by_status: { queued: 2, completed: 40 },
      by_type: { test: { queued: 2, completed: 40 } },
      oldest_queued_seconds: 1.25,
      finished_last_minute: 3,
      finished_last_hour: 40,
      late_results: 0,
    },
  },
  getTask: { response: TASK },
  listTaskRuns: {
    response: {
      items: [
        {
          run_id: RUN_ID,
          number: 1,
          status: 'completed',
          worker_id: 'host:4711:1a2b3c4d',
          started_at: AT,
          finished_at: LATER,
          duration_ms: 4120,
          failure: null,
          result: RESULT,
          trace_path: TRACE,
          manifest_sha256: SHA256,
          trace_complete: true,
          late_result: null,
        },
      ],
    },
  },
  explainTask: {
    response: {
      task_id: TASK_ID,
      status: 'queued',
      summary: 'All 4 slots of its workers are taken.',
      blockers: [
        {
          code: 'NO_FREE_SLOT',
          message: 'All 4 slots of its workers are taken.',
          details: { slots: 4, busy: 4 },
        },
      ],
      policy: VERDICT,
    },
  },
  cancelTask: { response: CANCELLED },
  retryTask: { response: REQUEUED },
  replayTask: { response: ENQUEUED },
  getPolicy: {
    response: {
      source: 'built-in',
      version: VERDICT.version,
      loaded_at: AT,
      error: null,
      document: { version: 1, types: ['*'] },
      rules: [
        {
          rule: RULE.rule,
          code: RULE.code,
          description: 'The timeout lies within the bounds of the policy.',
        },
      ],
    },
  },
  evaluatePolicy: { request: REQUEST, response: VERDICT },
  getTaskLogs: { response: '[   0.012] out: hello\n' },
  getTaskTrace: {
    response: {
      task_id: TASK_ID,
      run: 1,
      trace_path: TRACE,
      state: 'complete',
      manifest: {
        version: 1,
        task_id: TASK_ID,
        files: [{ path: 'log.txt', size_bytes: 22, sha256: SHA256 }],
      },
      files: [{ path: 'log.txt', size_bytes: 22 }],
    },
  },
  verifyTaskTrace: { response: { ok: true, complete: true, checked: 5, problems: [] } },
  listTaskCallbacks: { response: { items: [CALLBACK] } },
  redeliverCallback: { response: CALLBACK },
  ...EVENT_EXAMPLES,
  ...AGENT_EXAMPLES,
  ...WORKFLOW_EXAMPLES,
  getHealth: { response: { status: 'ok' } },
  getHealthz: { response: { status: 'ok' } },
  getReadyz: { response: { status: 'ready', checks: CHECKS } },
  getVersion: { response: { version: '0.2.0' } },
  getStatus: {
    response: {
      orchestrator: { status: 'running', agents_count: 0, workflows_count: 0, running_tasks: 1 },
      agents: {},
      settings: { environment: 'development', debug: false, max_concurrent_agents: 10 },
      version: '0.2.0',
      role: 'all',
      parts: [{ name: 'worker', status: 'running', since: AT, error: null, facts: {} }],
      workers: [],
      queue: { queued: 0, running: 1 },
      sandbox: { isolation: 'bubblewrap', reason: null },
      database: { kind: 'sqlite', version: '3.53.0' },
      auth: { key_required: false },
    },
  },
};

/** Puts the examples beside the schemas of every operation that has them. */
export function withExamples(document: OpenAPIObject): OpenAPIObject {
  for (const item of Object.values(document.paths)) {
    for (const operation of [item.get, item.post]) {
      const examples = EXAMPLES[operation?.operationId ?? ''];
      if (operation === undefined || examples === undefined) continue;
      const body = operation.requestBody as { content?: Record<string, JsonObject> } | undefined;
      if (examples.request !== undefined) addExample(body?.content, examples.request);
      for (const status of ['200', '201']) {
        const response = operation.responses[status] as {
          description?: string;
          content?: Record<string, JsonObject>;
        };
        if (response === undefined) continue;
        response.description ||= status === '201' ? 'Created.' : 'OK.';
        if (examples.response !== undefined) addExample(response.content, examples.response);
      }
    }
  }
  return document;
}

function addExample(
  content: Record<string, JsonObject> | undefined,
  example: JsonObject | JsonObject[] | string,
): void {
  for (const media of Object.values(content ?? {})) media['example'] = example;
}
