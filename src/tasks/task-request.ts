import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { JsonObject } from '../common/json.js';
import type { RunTarget, SandboxOptions } from '../task-types/executor.js';
import type { Priority } from './task-status.js';

/** Options of a task with every default filled in; times are RFC 3339. */
export interface TaskOptions {
  timeout_seconds: number;
  retries: number;
  retry_delay_seconds: number;
  run_at?: string;
  expires_at?: string;
  queue: string;
  concurrency_key?: string;
  sandbox: SandboxOptions;
}

/** A validated request in its one normal form: what is stored, compared, shown to policy and replayed. */
export interface TaskRequest {
  type: string;
  payload: JsonObject;
  priority: Priority;
  source: string;
  target: RunTarget | null;
  options: TaskOptions;
  metadata: JsonObject;
  tags: string[];
  callback_url: string | null;
}

/** SHA-256 (hex) of the RFC 8785 form: equal for requests that mean the same, whatever the order of their members. */
export function requestHash(request: TaskRequest): string {
  return createHash('sha256')
    .update(canonicalize(request) as string)
    .digest('hex');
}
