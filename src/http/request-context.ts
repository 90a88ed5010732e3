import type { NextFunction, Request, Response } from 'express';
import { newId } from '../common/ids.js';

const WELL_FORMED = /^[A-Za-z0-9._-]{1,128}$/;

declare module 'express-serve-static-core' {
  interface Request {
    /** X-Request-Id of the caller if well-formed, else a new id: returned, logged, stored with the task. */
    requestId: string;
    /** Name of the key that the caller showed; null where none is asked for. */
    actor: string | null;
    /** The bytes of the body as they came, for signatures. */
    rawBody?: Buffer;
  }
}

export function requestContext(request: Request, response: Response, next: NextFunction): void {
  const given = request.headers['x-request-id'];
  request.requestId = typeof given === 'string' && WELL_FORMED.test(given) ? given : newId();
  request.actor = null;
  response.setHeader('X-Request-Id', request.requestId);
  response.setHeader('Cache-Control', 'no-store');
  next();
}
