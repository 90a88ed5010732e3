import type { Application, NextFunction, Request, RequestHandler, Response } from 'express';
import { AppError, NotFoundError } from '../common/errors.js';

type Layer = { route?: { methods?: Record<string, boolean> }; match(path: string): boolean };

/** After all routes: 405 with `Allow` where another method would be served, else 404. */
export function methodNotAllowed(application: Application): RequestHandler {
  return (request: Request, _response: Response, next: NextFunction) => {
    const layers = (application.router as unknown as { stack: Layer[] }).stack;
    const methods = layers
      .filter((layer) => layer.route !== undefined && layer.match(request.path))
      .flatMap((layer) => Object.keys(layer.route!.methods ?? {}))
      .map((method) => method.toUpperCase())
      .filter((method) => method !== '_ALL');
    const allowed = [...new Set(methods)].sort();
    if (allowed.length === 0) return next(new NotFoundError('ROUTE', `There is nothing at ${request.path}.`));
    const message = `${request.path} answers ${allowed.join(', ')}, not ${request.method}.`;
    next(new AppError(405, 'METHOD_NOT_ALLOWED', message, {}, { Allow: allowed.join(', ') }));
  };
}
