import type { JsonObject } from '../common/json.js';

/** What may be sent, and what is answered. */
export interface Example {
  request?: JsonObject;
  response?: JsonObject | JsonObject[] | string;
}

const EVENT_ID = '019aa5a4-8e00-7c10-8a1b-1d2e3f4a5b6c';
const TASK_ID = '019aa5a4-6c1e-7b3a-9d51-0f4c5e1a2b3c';
const COMMIT = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';
const AT = '2026-11-22T09:30:00.000Z';
const LATER = '2026-11-22T09:30:04.120Z';

const EVENT_ACCEPTED = {
  status: 'success',
  event_id: EVENT_ID,
  message: 'Event created and queued for processing',
};
const EVENT = {
  id: EVENT_ID,
  type: 'infrastructure.alert',
  source: 'grafana',
  data: { alert_type: 'high_cpu', value: 95.5 },
  priority: 'high',
  tags: { environment: 'production' },
  status: 'completed',
  created_at: AT,
  processed_at: LATER,
  processed_by: 'agent:janitor',
  result: { 'agent:janitor': { task_id: TASK_ID } },
  error: null,
  dedup_id: 'alert-4711',
  caused_by: null,
  actor: 'default',
};
const DELIVERY = {
  delivery_id: '019aa5a4-8f00-7d20-9b1c-2e3f4a5b6c7d',
  subscriber: 'agent:janitor',
  status: 'completed',
  attempt: 1,
  lost_attempts: 0,
  outcome: { task_id: TASK_ID },
  error: null,
  next_attempt_at: null,
  started_at: AT,
  finished_at: LATER,
};

/** Of the operations on events and of the webhooks. */
export const EVENT_EXAMPLES: Record<string, Example> = {
  createEvent: {
    request: {
      type: 'infrastructure.alert',
      source: 'grafana',
      data: { alert_type: 'high_cpu', value: 95.5 },
      priority: 'high',
      tags: { environment: 'production' },
      dedup_id: 'alert-4711',
    },
    response: EVENT_ACCEPTED,
  },
  listEvents: { response: [EVENT] },
  followEvents: { response: `event: event\nid: ${EVENT_ID}\ndata: ${JSON.stringify(EVENT)}\n\n` },
  getEvent: {
    response: {
      ...EVENT,
      deliveries: [DELIVERY],
      caused: [{ kind: 'task', id: TASK_ID, type: 'cleanup', status: 'completed', created_at: LATER }],
    },
  },
  redeliverEvent: {
    response: {
      ...EVENT,
      status: 'processing',
      processed_at: null,
      processed_by: null,
      result: null,
      deliveries: [{ ...DELIVERY, status: 'pending', attempt: 0, outcome: null, next_attempt_at: LATER }],
      caused: [],
    },
  },
  createTestAlert: { response: { status: 'success', event_id: EVENT_ID } },
  receiveGithubWebhook: {
    request: { ref: 'refs/heads/main', after: COMMIT, repository: { full_name: 'acme/widgets' } },
    response: EVENT_ACCEPTED,
  },
  receiveWebhook: {
    request: { type: 'build.failed', timestamp: AT, data: { job: 'nightly' } },
    response: EVENT_ACCEPTED,
  },
};
