import { BadRequestException, HttpException } from '@nestjs/common';
import { AppError, UnavailableError } from '../common/errors.js';
import { isDatabaseUnavailable } from '../database/database-errors.js';

const TITLES: Record<number, string> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  409: 'Conflict',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

/** RFC 9457 problem document; extension members depend on `code`. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  instance: string;
  code: string;
  request_id: string;
  [extension: string]: unknown;
}

/** Every error to the one that may be shown. What is not known becomes an INTERNAL_ERROR that says nothing. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (isDatabaseUnavailable(error)) {
    return new UnavailableError(
      'The database cannot be used at the moment. Try again, under the same idempotency key where there is one.',
      5,
      error,
    );
  }
  // What Express makes of a bad %-escape, as Nest passes it on.
  if (error instanceof BadRequestException && error.message.startsWith('Failed to decode param')) {
    return new AppError(400, 'MALFORMED_PATH', 'The path is not valid percent-encoding.');
  }
  if (error instanceof HttpException && error.getStatus() < 500) {
    const status = error.getStatus();
    return new AppError(status, status === 404 ? 'ROUTE_NOT_FOUND' : 'BAD_REQUEST', error.message);
  }
  return new AppError(
    500,
    'INTERNAL_ERROR',
    'Something went wrong inside the tower. Its log has more under the request id.',
    {},
    {},
    { cause: error },
  );
}

export function toProblem(error: AppError, instance: string, requestId: string): Problem {
  return {
    type: `/docs/errors.md#${error.code.toLowerCase()}`,
    title: TITLES[error.status] ?? 'Error',
    status: error.status,
    detail: error.publicMessage,
    instance,
    code: error.code,
    request_id: requestId,
    ...error.extensions,
  };
}
