import { UnavailableError } from '../common/errors.js';

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'no space is left on the disk; free some under JCT_TRACE_ROOT',
  EDQUOT: 'the disk quota is used up; raise it or free space under JCT_TRACE_ROOT',
  EACCES: 'permission denied; let the user of the tower write to JCT_TRACE_ROOT',
  EPERM: 'permission denied; let the user of the tower write to JCT_TRACE_ROOT',
  EROFS: 'the file system is read-only; remount it or change JCT_TRACE_ROOT',
  EEXIST: 'it exists already; a run never writes over an earlier one',
  ENOENT: 'its folder is gone; do not move folders of JCT_TRACE_ROOT while tasks run',
  EIO: 'the disk reports an I/O error; check it',
};

/**
 * The trace could not be stored. The run that it belongs to ends as `trace_storage`; the process goes on.
 * `message` names files relative to the run's folder only; the error of the file system is the `cause`.
 */
export class TraceStorageError extends UnavailableError {
  constructor(message: string, cause?: unknown) {
    super(message, 30, cause);
  }

  static of(file: string, cause: unknown): TraceStorageError {
    if (cause instanceof TraceStorageError) return cause;
    const code = errorCode(cause);
    return new TraceStorageError(`${file} cannot be stored in the trace: ${REASONS[code] ?? code}.`, cause);
  }
}

/** One artifact is not kept (too big, changed while it was copied, bad name). The trace itself is fine and goes on. */
export class ArtifactRefusedError extends TraceStorageError {}

/** `ENOSPC` and its like; the text of an error without a code. */
export function errorCode(error: unknown): string {
  // Not `instanceof Error`: an error of node's file system may belong to another realm than this code (vm, worker, jest).
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : String(error);
}

/** Runs `work`; whatever the file system throws becomes a TraceStorageError about `file`. */
export async function storing<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw TraceStorageError.of(file, error);
  }
}
