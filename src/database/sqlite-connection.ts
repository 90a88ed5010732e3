import { closeSync, existsSync, openSync } from 'node:fs';
import { isNativeError } from 'node:util/types';
import { setTimeout as delay } from 'node:timers/promises';
import { DatabaseSync } from '@photostructure/sqlite';
import { FileWatch } from './sqlite-file.js';

type Row = Record<string, unknown>;
type Statement = ReturnType<InstanceType<typeof DatabaseSync>['prepare']>;

/** Statements kept prepared. The tower has some 60; what exceeds the bound is ad-hoc lists of ids. */
const PREPARED_MAX = 200;

const WAL_TRIES_MAX = 250;
const WAL_RETRY_MS = 20;

/**
 * The connection that TypeORM's better-sqlite3 driver is given: that driver's shape over `node:sqlite`'s interface.
 * It lets one SQL text serve both databases: `$1` parameters (in any order, repeated), `Date` parameters in UTC, errors
 * with an SQLITE_* code. A transaction takes the write lock at once, since a deferred one that turns into a writer
 * fails with SQLITE_BUSY_SNAPSHOT, whatever the busy timeout is.
 */
export class SqliteConnection {
  private readonly database: InstanceType<typeof DatabaseSync>;
  private readonly file: FileWatch;
  private readonly prepared = new Map<string, PreparedStatement>();

  constructor(path: string, { timeout = 0 }: { timeout?: number } = {}) {
    // Payloads stand in it: made for its owner only. The -wal and -shm files take its mode.
    if (path !== ':memory:' && !existsSync(path)) closeSync(openSync(path, 'a', 0o600));
    this.database = translateErrors(() => new DatabaseSync(path, { timeout }));
    this.file = new FileWatch(path);
  }

  /** Called for every execution of a statement. */
  prepare(sql: string): PreparedStatement {
    this.file.check();
    const known = this.prepared.get(sql);
    if (known !== undefined) {
      this.prepared.delete(sql);
      this.prepared.set(sql, known);
      return known;
    }
    const statement = translateErrors(() => PreparedStatement.of(this.database, sql));
    this.prepared.set(sql, statement);
    if (this.prepared.size > PREPARED_MAX) this.prepared.delete(this.prepared.keys().next().value!);
    return statement;
  }

  pragma(text: string): Row[] {
    return translateErrors(() => this.database.prepare(`PRAGMA ${text}`).all() as Row[]);
  }

  /**
   * Of processes that start together on a new file, all but one are told that it is locked: for this change SQLite does
   * not wait, whatever the busy timeout is.
   */
  async useWal(): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      try {
        this.pragma('journal_mode = WAL');
        return;
      } catch (error) {
        if ((error as { code?: string }).code !== 'SQLITE_BUSY' || tries === WAL_TRIES_MAX) throw error;
        await delay(WAL_RETRY_MS);
      }
    }
  }

  close(): void {
    this.prepared.clear();
    // Statements that are not collected yet keep SQLite from doing this at close; then the file alone would be no copy.
    if (this.database.isOpen) this.pragma('wal_checkpoint(TRUNCATE)');
    this.database.close();
  }
}

class PreparedStatement {
  private constructor(
    private readonly statement: Statement,
    /** For each `?` of the prepared text the index of its value; null when the text had `?` already. */
    private readonly order: readonly number[] | null,
    /** Whether running it gives rows. */
    readonly reader: boolean,
  ) {}

  static of(database: InstanceType<typeof DatabaseSync>, sql: string): PreparedStatement {
    const order: number[] = [];
    const text = sql.replace(/\$(\d+)/g, (_, number: string) => {
      order.push(Number(number) - 1);
      return '?';
    });
    const statement = database.prepare(text === 'BEGIN TRANSACTION' ? 'BEGIN IMMEDIATE' : text);
    return new PreparedStatement(statement, order.length > 0 ? order : null, statement.columns().length > 0);
  }

  all(...values: unknown[]): Row[] {
    // Rows come without a prototype; TypeORM and class-transformer expect plain objects.
    return translateErrors(() =>
      this.statement.all(...this.bind(values)).map((row) => ({ ...(row as Row) })),
    );
  }

  run(...values: unknown[]): { changes: number | bigint; lastInsertRowid: number | bigint } {
    return translateErrors(() => this.statement.run(...this.bind(values)));
  }

  private bind(values: unknown[]): never[] {
    const ordered = this.order === null ? values : this.order.map((index) => values[index]);
    return ordered.map((value) => {
      if (value instanceof Date) return value.toISOString().replace('T', ' ').replace('Z', '');
      if (typeof value === 'boolean') return value ? 1 : 0;
      return value === undefined ? null : value;
    }) as never[];
  }
}

/** Gives errors the code by which callers tell them apart, as better-sqlite3 does: SQLITE_CONSTRAINT_UNIQUE, SQLITE_BUSY, ... */
function translateErrors<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    // Not instanceof: the error may come from another realm (a vm context, as in Jest).
    if (isNativeError(error)) Object.assign(error, { code: codeOf(error) });
    throw error;
  }
}

function codeOf(error: Error & { sqliteExtendedCode?: number; sqliteCodeName?: string }): string {
  const { message } = error;
  // `.all()` reports no numeric code in this version of the binding, so the text decides.
  if (message.includes('UNIQUE constraint')) return 'SQLITE_CONSTRAINT_UNIQUE';
  if (message.includes('constraint failed')) return 'SQLITE_CONSTRAINT';
  if (message.includes('database is locked') || message.includes('table is locked')) return 'SQLITE_BUSY';
  if (message.includes('database or disk is full')) return 'SQLITE_FULL';
  if (message.includes('readonly database')) return 'SQLITE_READONLY';
  if (message.includes('disk I/O error')) return 'SQLITE_IOERR';
  if (message.includes('unable to open')) return 'SQLITE_CANTOPEN';
  if (message.includes('malformed') || message.includes('not a database')) return 'SQLITE_CORRUPT';
  return error.sqliteCodeName ?? 'SQLITE_ERROR';
}
