import { isNativeError } from 'node:util/types';
import { QueryFailedError } from 'typeorm';

/** SQLite: busy, full, read-only, I/O. PostgreSQL: connection (08), resources (53), shutdown (57P), timeouts, read-only, conflicts. */
const UNAVAILABLE =
  /^(SQLITE_(BUSY|FULL|READONLY|IOERR|CANTOPEN|CORRUPT|NOTADB)|08\d{3}|53\d{3}|57P0[1-5]|57014|55P03|25006|25P0[23]|40001|40P01|58\d{3})/;
const NETWORK = /^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EHOSTUNREACH|ENOENT)$/;
/** A file that is not there has the code of a socket that is not there, and says nothing about the database. */
const NETWORK_CALL = /^(connect|read|write|getaddrinfo)$/;
const READ_TIMEOUT = 'Query read timeout';
const POOL =
  /timeout exceeded when trying to connect|timeout expired|Connection terminated|Query read timeout|already released|Client has encountered a connection error|not queryable/i;

/** Whether the error says that the database cannot serve now, though it may later: the answer is 503, not 500. */
export function isDatabaseUnavailable(error: unknown): boolean {
  if (!isNativeError(error)) return false;
  const cause = causeOf(error);
  const { code, syscall } = cause;
  // A name that stands for several addresses fails with one error of them all, which has no `syscall` of its own.
  const network = NETWORK_CALL.test(syscall ?? '') || 'errors' in cause;
  if (code !== undefined && (UNAVAILABLE.test(code) || (NETWORK.test(code) && network))) return true;
  return POOL.test(cause.message);
}

/** Whether the transaction was taken back in favour of another one: a deadlock, or a serialization failure. */
export function isConflict(error: unknown): boolean {
  return /^40(001|P01)$/.test(sqlCode(error));
}

/** Whether no answer came in time: the connection may be dead, and what was asked may or may not have been done. */
export function isReadTimeout(error: unknown): boolean {
  return isNativeError(error) && causeOf(error).message === READ_TIMEOUT;
}

/** The code of the database, or of the operating system, by which errors are told apart; empty when there is none. */
export function sqlCode(error: unknown): string {
  return isNativeError(error) ? (causeOf(error).code ?? '') : '';
}

function causeOf(error: Error): NodeJS.ErrnoException {
  return error instanceof QueryFailedError ? (error.driverError as Error) : error;
}

/** Whether a unique constraint refused the statement. */
export function isUniqueViolation(error: unknown): boolean {
  return /^(23505|SQLITE_CONSTRAINT_UNIQUE)$/.test(sqlCode(error));
}
