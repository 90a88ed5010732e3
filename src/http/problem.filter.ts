import { type ArgumentsHost, Catch, type ExceptionFilter, Logger, NotFoundException } from '@nestjs/common';
import type { Request, Response } from 'express';
import { toAppError, toProblem } from './problem.js';
import { routeError } from './route-error.js';

/** The one place that answers errors. No stack trace leaves the process; each 5xx is logged under its request id. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger('Http');

  catch(error: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<Request>();
    const response = host.switchToHttp().getResponse<Response>();
    // Nest's own exception means that no route answered; what the tower does not find is a NotFoundError.
    const shown = error instanceof NotFoundException ? routeError(request) : toAppError(error);
    if (shown.status >= 500) {
      const cause = shown.cause instanceof Error ? shown.cause : error;
      const stack = cause instanceof Error ? cause.stack : String(cause);
      this.logger.error(
        `${request.method} ${request.path} ${shown.code} request_id=${request.requestId}`,
        stack,
      );
    }
    if (response.headersSent) {
      response.destroy();
      return;
    }
    response
      .status(shown.status)
      .set(shown.headers)
      .type('application/problem+json')
      .send(JSON.stringify(toProblem(shown, request.path, request.requestId)));
  }
}
