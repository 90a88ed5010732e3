import type { Duplex } from 'node:stream';
import { AppError } from '../common/errors.js';
import { newId } from '../common/ids.js';
import { toProblem } from './problem.js';

/** What Node's parser says of a request that never became one. */
const ANSWERS: Record<string, AppError> = {
  HPE_HEADER_OVERFLOW: new AppError(431, 'HEADERS_TOO_LARGE', 'The headers must be at most 16 KiB.'),
  ERR_HTTP_REQUEST_TIMEOUT: new AppError(408, 'REQUEST_TIMEOUT', 'The request was not complete in time.'),
};

const NOT_HTTP = new AppError(400, 'MALFORMED_REQUEST', 'This is not an HTTP/1.1 request.');

/** Answers what Node could not read, by hand since there is no response object, and closes the connection. */
export function answerUnreadable(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const shown = ANSWERS[error.code ?? ''] ?? NOT_HTTP;
  const problem = toProblem(shown, '/', newId());
  const body = JSON.stringify(problem);
  socket.end(
    `HTTP/1.1 ${shown.status} ${problem.title}\r\nContent-Type: application/problem+json; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nX-Request-Id: ${problem.request_id}\r\nConnection: close\r\n\r\n${body}`,
  );
}
