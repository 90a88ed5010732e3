import { Injectable } from '@nestjs/common';
import { OutboundClient, type OutboundResponse } from '../../outbound/outbound-client.js';
import { Executes } from '../../task-types/executes.decorator.js';
import type { Executor, RunContext, RunLog, RunTask } from '../../task-types/executor.js';
import type { Outcome } from '../../task-types/outcome.js';
import { type NotifyFormat, NotifyPayload } from './notify.payload.js';
import { notifySecrets } from './notify-secrets.js';

/** Of an answer that is an error, for the person who reads the log. */
const LOGGED_ANSWER_CHARS_MAX = 2_000;

/** 4xx says "do not ask again", except: request timeout, too early, too many requests. */
const RETRYABLE_CLIENT_ERRORS = new Set([408, 425, 429]);

/** Posts a message. Done when the far end answered with 2xx; at least once, for a lost answer makes a retry. */
@Executes('notify', {
  payload: NotifyPayload,
  summary: 'Posts a message to a URL. Anything but a 2xx answer is a failure.',
  example: {
    url: 'https://hooks.example.com/deployments',
    message: 'Release 1.4.2 is on staging.',
    format: 'slack',
  },
})
@Injectable()
export class NotifyExecutor implements Executor<NotifyPayload> {
  constructor(private readonly client: OutboundClient) {}

  async execute({ task, attempt, payload, signal, log }: RunContext<NotifyPayload>): Promise<Outcome> {
    if (URL.canParse(payload.url)) {
      for (const secret of notifySecrets(payload)) log.mask(secret);
      const { origin, pathname } = new URL(payload.url);
      await log.note(`POST ${origin}${pathname}`);
    }
    const { contentType, body } = render(payload.message, payload.format ?? 'json', task, attempt);
    const headers = { 'content-type': contentType, ...lowerCased(payload.headers ?? {}) };
    const response = await this.client.post({ url: payload.url, headers, body, signal });
    await record(response, log);
    return outcomeOf(response);
  }
}

function render(
  message: string,
  format: NotifyFormat,
  { id, type, target }: RunTask,
  attempt: number,
): { contentType: string; body: string } {
  switch (format) {
    case 'json':
      return {
        contentType: 'application/json',
        body: JSON.stringify({ message, task_id: id, type, attempt, target }),
      };
    case 'slack':
      return { contentType: 'application/json', body: JSON.stringify({ text: message }) };
    case 'text':
      return { contentType: 'text/plain; charset=utf-8', body: message };
    default:
      return format satisfies never;
  }
}

async function record(response: OutboundResponse, log: RunLog): Promise<void> {
  if (!response.ok) return log.note(response.message);
  const { status, bodyStart, durationMs } = response;
  await log.event('http_response', { status, duration_ms: durationMs });
  await log.note(`Answer ${status} after ${durationMs} ms`);
  if (status >= 300 && bodyStart !== '') {
    await log.output('stdout', Buffer.from(`${bodyStart.slice(0, LOGGED_ANSWER_CHARS_MAX)}\n`));
  }
}

function outcomeOf(response: OutboundResponse): Outcome {
  if (!response.ok) {
    if (response.reason === 'aborted') return { status: 'stopped', result: {} };
    return {
      status: 'failed',
      failure: { reason: 'error', message: response.message },
      result: { reason: response.reason },
      retryable: response.reason !== 'blocked',
    };
  }
  const { status, durationMs } = response;
  const result = { status, duration_ms: durationMs };
  if (status >= 200 && status < 300) return { status: 'completed', result };
  return {
    status: 'failed',
    failure: { reason: 'error', message: messageOf(status) },
    result,
    retryable: status < 400 || status >= 500 || RETRYABLE_CLIENT_ERRORS.has(status),
  };
}

function messageOf(status: number): string {
  return status < 400
    ? `The far end answered ${status}: redirects are not followed, give the final URL.`
    : `The far end answered ${status} instead of 2xx; its answer is in the log.`;
}

function lowerCased(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
