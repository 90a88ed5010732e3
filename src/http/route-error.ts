import type { Request } from 'express';
import { AppError, NotFoundError } from '../common/errors.js';

type Layer = { route?: { methods?: Record<string, boolean> }; match(path: string): boolean };

/** Why no route answered: 405 with `Allow` where another method would be served, else 404. */
export function routeError(request: Request): AppError {
  const layers = (request.app.router as unknown as { stack: Layer[] }).stack;
  const methods = layers
    .filter((layer) => layer.route !== undefined && layer.match(request.path))
    .flatMap((layer) => Object.keys(layer.route!.methods ?? {}))
    .filter((method) => method !== '_all')
    .map((method) => method.toUpperCase());
  const allowed = [...new Set(methods)].sort().join(', ');
  if (allowed === '') return new NotFoundError('ROUTE', `There is nothing at ${request.path}.`);
  const message = `${request.path} answers ${allowed}, not ${request.method}.`;
  return new AppError(405, 'METHOD_NOT_ALLOWED', message, {}, { Allow: allowed });
}
