import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { AppError } from '../common/errors.js';
import { secretFromFile } from '../config/secret-file.js';
import { ConfigurationError } from '../config/settings.js';

const KEY = /^jct_[A-Za-z0-9_-]{32,}$/;

/** Open to everybody: what a load balancer asks, and nothing that says more than "alive" or "ready". */
const OPEN = new Set(['/health', '/healthz', '/readyz', '/version']);

/**
 * The key in JCT_API_KEY_FILE, which is made with a new key when it does not exist.
 *
 * @throws ConfigurationError when the file cannot be used
 */
export function apiKey(file: string): string {
  const key = secretFromFile('JCT_API_KEY_FILE', file, () => `jct_${randomBytes(32).toString('base64url')}`);
  if (KEY.test(key)) return key;
  throw new ConfigurationError([
    `JCT_API_KEY_FILE ${file} must hold one key: jct_ and at least 32 letters, digits, "-" or "_". ` +
      'Remove the file to have a new key made',
  ]);
}

/** Lets through who shows the key as a bearer token; compared in constant time, never taken from the URL. */
export function requireKey(key: string): RequestHandler {
  const expected = digest(key);
  return (request: Request, _response: Response, next: NextFunction) => {
    if (OPEN.has(request.path) || isWebhook(request)) return next();
    const shown = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';
    if (!timingSafeEqual(digest(shown), expected)) {
      const message = 'Send the API key as "Authorization: Bearer jct_...".';
      return next(new AppError(401, 'UNAUTHENTICATED', message, {}, { 'WWW-Authenticate': 'Bearer' }));
    }
    request.actor = 'default';
    next();
  };
}

/**
 * Without a key only this machine may ask, and only under its own name: a page in a browser that points a name of its
 * own at 127.0.0.1 (DNS rebinding) is refused.
 */
export function requireLocalHost(request: Request, _response: Response, next: NextFunction): void {
  const host = (request.headers.host ?? '').replace(/:\d+$/, '').toLowerCase();
  if (host === 'localhost' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host)) return next();
  // A browser cannot sign, so nothing is to be had from it there.
  if (isWebhook(request)) return next();
  const message =
    'Without an API key the tower answers only to localhost; set JCT_API_KEY_FILE to use other names.';
  next(new AppError(403, 'FOREIGN_HOST', message));
}

/** Doors that ask for a signature instead: src/webhooks refuses whatever is not signed with their secret. */
function isWebhook({ method, path }: Request): boolean {
  return method === 'POST' && /^\/webhooks\/[a-z0-9][a-z0-9-]{0,63}$/.test(path);
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
