import { Mutex } from 'async-mutex';
import {
  DataSource,
  type DataSourceOptions,
  type EntityManager,
  type QueryRunner,
  type ReplicationMode,
} from 'typeorm';
import type { BetterSqlite3Driver } from 'typeorm/driver/better-sqlite3/BetterSqlite3Driver.js';
import type { PostgresDriver } from 'typeorm/driver/postgres/PostgresDriver.js';
import type { IsolationLevel } from 'typeorm/driver/types/IsolationLevel.js';
import { retryConflicts } from './conflict-retry.js';
import type { Dialect } from './database-url.js';
import { HeartbeatConnection } from './heartbeat-connection.js';
import { useDialect } from './portable-columns.js';
import { PostgresRunner } from './postgres-runner.js';
import { SqliteQueryRunner } from './sqlite-query-runner.js';

/** A data source whose transactions and columns behave alike on SQLite and PostgreSQL. */
export class PortableDataSource extends DataSource {
  private readonly sqliteGate = new Mutex();
  private heartbeat: HeartbeatConnection | null = null;

  constructor(options: DataSourceOptions) {
    super(options);
  }

  get dialect(): Dialect {
    return dialectOf(this.options);
  }

  override createQueryRunner(mode: ReplicationMode = 'master'): QueryRunner {
    const runner =
      this.dialect === 'postgres'
        ? new PostgresRunner(this.driver as PostgresDriver, mode)
        : new SqliteQueryRunner(this.driver as BetterSqlite3Driver, this.sqliteGate);
    Object.assign(runner, { manager: this.createEntityManager(runner) });
    return runner;
  }

  /** @param work is done again when PostgreSQL took it back because of a deadlock: nothing but statements belongs in it */
  override transaction<T>(work: (manager: EntityManager) => Promise<T>): Promise<T>;
  override transaction<T>(
    isolation: IsolationLevel,
    work: (manager: EntityManager) => Promise<T>,
  ): Promise<T>;
  override transaction<T>(...how: unknown[]): Promise<T> {
    return retryConflicts(() =>
      super.transaction(...(how as Parameters<DataSource['transaction']>)),
    ) as Promise<T>;
  }

  /**
   * Runs a heartbeat's statement: on PostgreSQL over a connection of its own, which no load can take away; on SQLite it
   * takes its turn.
   */
  async beat(sql: string, parameters: unknown[]): Promise<Record<string, unknown>[]> {
    if (this.options.type !== 'postgres') return this.query(sql, parameters);
    this.heartbeat ??= new HeartbeatConnection(this.options.url!);
    const { heartbeat } = this;
    return retryConflicts(() => heartbeat.query(sql, parameters));
  }

  override async destroy(): Promise<void> {
    await this.heartbeat?.close();
    await super.destroy();
  }

  protected override async buildMetadatas(): Promise<void> {
    useDialect(this.dialect);
    await super.buildMetadatas();
  }
}

export function dialectOf(options: DataSourceOptions): Dialect {
  return options.type === 'postgres' ? 'postgres' : 'sqlite';
}
