import { existsSync, statSync } from 'node:fs';
import { sqlCode } from './database-errors.js';

/** The SQLite file cannot be used, and starting again does not help: somebody has to look. */
export class DatabaseFileError extends Error {}

/**
 * Refuses a file that is gone while its log of changes is still there: SQLite would make an empty database and throw away
 * what the log holds.
 *
 * @returns whether there is no database yet
 */
export function isNewFile(path: string): boolean {
  if (path === ':memory:' || existsSync(path)) return false;
  if (!existsSync(`${path}-wal`)) return true;
  throw new DatabaseFileError(
    `The database ${path} is gone, but ${path}-wal, which belongs to it, is still there. ` +
      'Put the file back, or move the other one away to begin with an empty database.',
  );
}

/** What an operator can do about a file that failed at the start; null for an error that says something else. */
export function fileProblem(path: string, error: unknown): DatabaseFileError | null {
  const [reason, remedy] = explain(sqlCode(error)) ?? [];
  if (reason === undefined) return null;
  return new DatabaseFileError(`The database ${path} ${reason}. ${remedy}`, { cause: error });
}

function explain(code: string): [reason: string, remedy: string] | null {
  switch (code) {
    case 'SQLITE_READONLY':
    case 'EROFS':
      return ['is read-only', 'Make the file and its folder writable for the user of the tower.'];
    case 'SQLITE_CANTOPEN':
    case 'EACCES':
    case 'EPERM':
    case 'ENOTDIR':
    case 'EISDIR':
      return ['cannot be opened', 'Make the file and its folder writable for the user of the tower.'];
    case 'SQLITE_CORRUPT':
    case 'SQLITE_NOTADB':
      return [
        'is damaged, or is no SQLite database',
        'Restore a backup, or move the file away to begin with an empty database.',
      ];
    case 'SQLITE_FULL':
    case 'SQLITE_IOERR':
    case 'ENOSPC':
      return ['cannot be read or written', 'Look whether the disk is full or fails.'];
    default:
      return null;
  }
}

/**
 * Notices that the file of an open connection was removed or replaced. SQLite would go on writing into the file that
 * nobody can find any more, and every task that is acknowledged then would be lost.
 */
export class FileWatch {
  private readonly id: string | null;

  constructor(private readonly path: string) {
    this.id = path === ':memory:' ? null : idOf(path);
  }

  /** @throws Error SQLITE_IOERR when the file is not the one that was opened */
  check(): void {
    if (this.id === null || idOf(this.path) === this.id) return;
    throw Object.assign(new Error(`disk I/O error: the database ${this.path} was removed or replaced`), {
      code: 'SQLITE_IOERR',
    });
  }
}

function idOf(path: string): string {
  const file = statSync(path, { throwIfNoEntry: false });
  return file === undefined ? 'none' : `${file.dev}:${file.ino}`;
}
