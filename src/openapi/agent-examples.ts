import type { Example } from './event-examples.js';

const TASK_ID = '019aa5a4-6c1e-7b3a-9d51-0f4c5e1a2b3c';
const EVENT_ID = '019aa5a4-8e00-7c10-8a1b-1d2e3f4a5b6c';
const AT = '2026-11-22T09:30:00.000Z';
const LATER = '2026-11-22T09:30:04.120Z';
const REASON = 'There is no ANTHROPIC_API_KEY or OPENAI_API_KEY.';

const MONITOR = {
  name: 'infrastructure-monitor',
  type: 'InfrastructureMonitor',
  status: 'running',
  health: 'healthy',
  capabilities: ['system_monitoring', 'alert_generation'],
  description: 'Infrastructure monitoring and alerting agent',
  enabled: true,
  reason: null,
  error_count: 0,
  last_error: null,
};
const DOCTOR = {
  name: 'build-doctor',
  type: 'BuildDoctor',
  status: 'stopped',
  health: 'unknown',
  capabilities: ['log_analysis', 'failure_diagnosis', 'follow_up_proposals'],
  description: 'a careful engineer who finds out why tasks of a CI system failed',
  enabled: true,
  reason: REASON,
  error_count: 0,
  last_error: null,
};

export const AGENT_EXAMPLES: Record<string, Example> = {
  listAgents: { response: [DOCTOR, MONITOR] },
  getAgent: {
    response: {
      ...DOCTOR,
      config: { log_tail_bytes: 12000, output_tokens_max: 1500 },
      handled_event_types: ['task.failed'],
      started_at: null,
      last_heartbeat: LATER,
      statistics: {
        tasks_completed: 3,
        tasks_failed: 0,
        average_response_time_ms: 2140.5,
        last_activity_at: AT,
      },
      usage: {
        day: '2026-11-22',
        calls: 3,
        input_tokens: 14210,
        output_tokens: 911,
        reserved_tokens: 0,
        cost_usd: 0.018765,
        tokens_max: 500000,
        cost_usd_max: 1,
      },
      instances: [
        {
          process_id: 'host:4711:1a2b3c4d',
          status: 'stopped',
          reason: REASON,
          health: 'unknown',
          health_details: null,
          started_at: null,
          heartbeat_at: LATER,
        },
      ],
    },
  },
  startAgent: { response: { status: 'success', message: 'Agent infrastructure-monitor started' } },
  stopAgent: { response: { status: 'success', message: 'Agent infrastructure-monitor stopped' } },
  getTaskDiagnosis: {
    response: {
      version: 1,
      task_id: TASK_ID,
      run: 1,
      task_type: 'build',
      trace_path: `2026-11-22/${TASK_ID}/run-1`,
      event_id: EVENT_ID,
      agent: 'build-doctor',
      diagnosed_at: LATER,
      category: 'dependency',
      summary: 'The build cannot find left-pad.',
      cause: 'package.json does not list it.',
      evidence: [{ line: "Error: Cannot find module 'left-pad'", in_log: true }],
      suggestions: ['Add left-pad to the dependencies.'],
      confidence: 'high',
      follow_up: null,
      log_bytes_read: 812,
      log_bytes: 812,
      cost: { model: 'claude-haiku-4-5', input_tokens: 1200, output_tokens: 180, cost_usd: 0.0021 },
    },
  },
};
