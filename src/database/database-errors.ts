import { isNativeError } from 'node:util/types';
import { QueryFailedError } from 'typeorm';

/** SQLite: busy, full, read-only, I/O. PostgreSQL: connection (08), resources (53), shutdown (57P), timeouts, read-only. */
const UNAVAILABLE =
  /^(SQLITE_(BUSY|FULL|READONLY|IOERR|CANTOPEN|CORRUPT|NOTADB)|08\d{3}|53\d{3}|57P0[1-5]|57014|55P03|25006|25P0[23]|58\d{3})/;
const NETWORK = /^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EHOSTUNREACH|ENOENT)$/;
/** A file that is not there has the code of a socket that is not there, and says nothing about the database. */
const NETWORK_CALL = /^(connect|read|write|getaddrinfo)$/;
const POOL =
  /timeout exceeded when trying to connect|Connection terminated|Query read timeout|Query runner already released|Client has encountered a connection error|not queryable/i;

/** Whether the error says that the database cannot serve now, though it may later: the answer is 503, not 500. */
export function isDatabaseUnavailable(error: unknown): boolean {
  if (!isNativeError(error)) return false;
  const cause = error instanceof QueryFailedError ? (error.driverError as Error) : error;
  const { code, syscall } = cause as NodeJS.ErrnoException;
  if (typeof code === 'string') {
    if (UNAVAILABLE.test(code)) return true;
    if (NETWORK.test(code) && NETWORK_CALL.test(syscall ?? '')) return true;
  }
  return POOL.test(cause.message);
}

/** Whether a unique constraint refused the statement. */
export function isUniqueViolation(error: unknown): boolean {
  if (!(error instanceof QueryFailedError)) return false;
  const { code } = error.driverError as { code?: string };
  return code === '23505' || code === 'SQLITE_CONSTRAINT_UNIQUE';
}
