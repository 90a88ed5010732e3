import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { chmodSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { AppError } from '../common/errors.js';
import { ConfigurationError } from '../config/settings.js';

const KEY = /^jct_[A-Za-z0-9_-]{32,}$/;

/** Open to everybody: what a load balancer asks, and nothing that says more than "alive" or "ready". */
const OPEN = new Set(['/health', '/healthz', '/readyz', '/version']);

/**
 * The key in the file, which is made with a new key, readable by its owner only, when it does not exist. Processes that
 * start together end with one key: the file appears whole, under its name, once.
 *
 * @throws ConfigurationError when the file cannot be used
 */
export function readOrMakeKey(file: string): { key: string; made: boolean } {
  const path = resolve(file);
  try {
    const made = makeKey(path);
    const key = readFileSync(path, 'utf8').trim();
    if (KEY.test(key)) return { key, made };
  } catch (error) {
    throw new ConfigurationError([`JCT_API_KEY_FILE ${path} cannot be used: ${(error as Error).message}`]);
  }
  throw new ConfigurationError([
    `JCT_API_KEY_FILE ${path} must hold one key: jct_ and at least 32 letters, digits, "-" or "_". ` +
      'Remove the file to have a new key made.',
  ]);
}

function makeKey(path: string): boolean {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  writeFileSync(temporary, `jct_${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' });
  try {
    linkSync(temporary, path);
    chmodSync(path, 0o600);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** Lets through who shows the key as a bearer token; compared in constant time, never taken from the URL. */
export function requireKey(key: string): RequestHandler {
  const expected = digest(key);
  return (request: Request, _response: Response, next: NextFunction) => {
    if (OPEN.has(request.path)) return next();
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
  const message =
    'Without an API key the tower answers only to localhost; set JCT_API_KEY_FILE to use other names.';
  next(new AppError(403, 'FOREIGN_HOST', message));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
