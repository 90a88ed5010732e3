import type { JsonObject } from './json.js';

/** One violation of a request: where (RFC 6901 pointer into the body, or a header/query name), which, and why. */
export interface Violation {
  pointer: string;
  code: string;
  message: string;
}

/**
 * An error with an answer for the caller. `publicMessage` may leave the process; `cause` may not.
 * Everything that is thrown and is not an AppError becomes a logged 500 that says nothing but its request id.
 */
export class AppError extends Error {
  constructor(
    readonly status: number,
    /** Stable UPPER_SNAKE code, documented in docs/errors.md. */
    readonly code: string,
    readonly publicMessage: string,
    /** Further members of the problem document, e.g. `errors`, `violations`, `current_state`. */
    readonly extensions: JsonObject = {},
    /** Further response headers, e.g. `Retry-After`. */
    readonly headers: Record<string, string> = {},
    options?: { cause?: unknown },
  ) {
    super(publicMessage, options);
    this.name = new.target.name;
  }
}

/** 400: the request could not be read at all. */
export class MalformedRequestError extends AppError {
  constructor(code: string, message: string, errors: Violation[] = []) {
    super(400, code, message, { errors });
  }
}

/** 422: well-formed, but violates the schema; lists every violation. */
export class ValidationError extends AppError {
  constructor(errors: Violation[], code = 'VALIDATION_FAILED', message = 'The request violates the schema.') {
    super(422, code, message, { errors });
  }
}

/** 404 for one kind of thing: `new NotFoundError('TASK', id)` answers TASK_NOT_FOUND. */
export class NotFoundError extends AppError {
  constructor(what: string, message: string) {
    super(404, `${what}_NOT_FOUND`, message);
  }
}

/** 409: the thing exists, but its present state or content forbids the request. */
export class ConflictError extends AppError {
  constructor(code: string, message: string, extensions: JsonObject = {}) {
    super(409, code, message, extensions);
  }
}

/** 503: cannot serve now, may later. `retryAfterSeconds` becomes the Retry-After header. */
export class UnavailableError extends AppError {
  constructor(message: string, retryAfterSeconds = 5, cause?: unknown) {
    super(503, 'UNAVAILABLE', message, {}, { 'Retry-After': String(retryAfterSeconds) }, { cause });
  }
}
