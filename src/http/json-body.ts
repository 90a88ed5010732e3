import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { AppError, MalformedRequestError } from '../common/errors.js';
import { hostileParts } from './json-guard.js';

export const BODY_BYTES_MAX = 1_048_576;

/** Beyond the limit so much is thrown away before the line is cut: who sent a little too much reads a 413, not a reset. */
const DISCARDED_BYTES_MAX = 8 * BODY_BYTES_MAX;

const JSON_TYPE = /^application\/(?:[a-z0-9.+-]+\+)?json\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?$/i;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Reads bodies: bounded, never inflated, UTF-8 JSON only, hostile parts refused before anything else sees them.
 * A request without a body passes with an empty one.
 */
export function jsonBody(): RequestHandler[] {
  return [refuseOtherTypes, read, parse];
}

function refuseOtherTypes(request: Request, _response: Response, next: NextFunction): void {
  const length = request.headers['content-length'];
  const hasBody =
    request.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
  const type = request.headers['content-type'] ?? '';
  if (hasBody && !JSON_TYPE.test(type)) {
    throw new AppError(415, 'UNSUPPORTED_MEDIA_TYPE', 'The body must be application/json in UTF-8.');
  }
  if (hasBody && request.headers['content-encoding'] !== undefined) {
    throw new AppError(
      415,
      'UNSUPPORTED_MEDIA_TYPE',
      'The body must not be compressed (no Content-Encoding).',
    );
  }
  next();
}

/** Answers as soon as a body is too large; body-parser waits for its end, which need not come. */
function read(request: Request, _response: Response, next: NextFunction): void {
  const parts: Buffer[] = [];
  let bytes = 0;
  const done = (error?: AppError): void => {
    request.off('end', done).off('error', broken);
    request.body = error === undefined ? Buffer.concat(parts) : undefined;
    request.rawBody = request.body as Buffer | undefined;
    parts.length = 0;
    next(error);
  };
  const broken = (): void =>
    done(
      new MalformedRequestError('MALFORMED_BODY', 'The body is shorter or longer than its Content-Length.'),
    );
  request.on('data', (part: Buffer) => {
    const hadRoom = bytes <= BODY_BYTES_MAX;
    bytes += part.length;
    if (bytes <= BODY_BYTES_MAX) parts.push(part);
    else if (hadRoom)
      done(new AppError(413, 'BODY_TOO_LARGE', `The body must be at most ${BODY_BYTES_MAX} bytes.`));
    else if (bytes > BODY_BYTES_MAX + DISCARDED_BYTES_MAX) request.destroy();
  });
  request.once('end', done).once('error', broken);
}

function parse(request: Request, _response: Response, next: NextFunction): void {
  const bytes = request.body as Buffer | undefined;
  request.body = Buffer.isBuffer(bytes) && bytes.length > 0 ? parseJson(bytes) : undefined;
  next();
}

/** @throws MalformedRequestError MALFORMED_JSON or HOSTILE_JSON */
export function parseJson(bytes: Buffer): unknown {
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    throw new MalformedRequestError('MALFORMED_JSON', 'The body is not valid UTF-8.');
  }
  const hostile = hostileParts(text);
  if (hostile.some(({ code }) => code === 'TOO_DEEP')) throw hostileJson(hostile);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new MalformedRequestError('MALFORMED_JSON', `The body is not JSON: ${(error as Error).message}`);
  }
  if (hostile.length > 0) throw hostileJson(hostile);
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new MalformedRequestError('MALFORMED_JSON', 'The body must be a JSON object.');
  }
  return value;
}

function hostileJson(violations: ReturnType<typeof hostileParts>): MalformedRequestError {
  return new MalformedRequestError('HOSTILE_JSON', 'The body holds JSON that is refused.', violations);
}
