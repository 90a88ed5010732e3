import { parseRepository } from '../common/repository.js';
import type { OutboundGuard } from '../outbound/outbound-guard.js';
import type { PolicyInput } from '../policies/policy-input.js';
import { jsonBytes } from '../http/json-bytes-max.js';
import type { TaskRequest } from './task-request.js';

/** A request as the policy gate sees it. */
export function policyQuestion(
  request: TaskRequest,
  actor: string | null,
  guard: OutboundGuard,
): PolicyInput {
  const { target, options, callback_url: url } = request;
  const parsed = target?.repository === undefined ? undefined : parseRepository(target.repository);
  return {
    type: request.type,
    payload_bytes: jsonBytes(request.payload),
    priority: request.priority,
    source: request.source,
    target: target && {
      repository: parsed?.ok ? parsed.repository.display : (target.repository ?? null),
      ref: target.ref ?? null,
      environment: target.environment ?? null,
      path: target.path ?? null,
    },
    options: {
      timeout_seconds: options.timeout_seconds,
      retries: options.retries,
      queue: options.queue,
      sandbox: options.sandbox,
    },
    callback: url === null ? null : { url, host: new URL(url).hostname, refusal: guard.checkUrl(url) },
    tags: request.tags,
    actor,
  };
}
