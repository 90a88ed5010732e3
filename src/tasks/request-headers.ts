import type { Request } from 'express';
import { MalformedRequestError } from '../common/errors.js';

const WAIT_SECONDS_MAX = 60;

/**
 * The idempotency key of a request: the header (bare or as a quoted string) and the body mean the same.
 *
 * @throws MalformedRequestError when the header is malformed or differs from the body
 */
export function idempotencyKey(request: Request, inBody: string | undefined): string | null {
  const header = request.headers['idempotency-key'];
  if (header === undefined) return inBody ?? null;
  const text = Array.isArray(header) ? header.join(', ') : header;
  const key = /^"(.*)"$/.exec(text)?.[1] ?? text;
  if (!/^[\x20-\x7e]{1,128}$/.test(key)) {
    throw malformed('Idempotency-Key', 'must be 1-128 printable ASCII characters');
  }
  if (inBody != null && inBody !== key) {
    throw malformed('Idempotency-Key', 'and idempotency_key in the body differ; send one of them');
  }
  return key;
}

/** For a batch: a header cannot say which of its tasks it means. @throws MalformedRequestError when it is there */
export function refuseIdempotencyKey(request: Request): void {
  if (request.headers['idempotency-key'] === undefined) return;
  throw malformed('Idempotency-Key', 'is not for batches; give each task its idempotency_key');
}

/** Seconds of `Prefer: wait=N`, at most 60; 0 when not asked for. @throws MalformedRequestError */
export function waitSeconds(request: Request): number {
  const preferences = String(request.headers['prefer'] ?? '').split(',');
  const wait = preferences.map((text) => text.trim()).find((text) => /^wait\b/i.test(text));
  if (wait === undefined) return 0;
  const seconds = /^wait\s*=\s*"?(\d{1,6})"?$/i.exec(wait)?.[1];
  if (seconds === undefined) throw malformed('Prefer', 'must be wait=N with whole seconds');
  return Math.min(WAIT_SECONDS_MAX, Number(seconds));
}

function malformed(header: string, what: string): MalformedRequestError {
  return new MalformedRequestError('MALFORMED_HEADER', `${header} ${what}.`, [
    { pointer: header, code: 'MALFORMED_HEADER', message: `${header} ${what}` },
  ]);
}
