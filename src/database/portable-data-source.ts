import { Mutex } from 'async-mutex';
import { DataSource, type DataSourceOptions, type QueryRunner, type ReplicationMode } from 'typeorm';
import type { BetterSqlite3Driver } from 'typeorm/driver/better-sqlite3/BetterSqlite3Driver.js';
import type { Dialect } from './database-url.js';
import { useDialect } from './portable-columns.js';
import { SqliteQueryRunner } from './sqlite-query-runner.js';

/** A data source whose transactions and columns behave alike on SQLite and PostgreSQL. */
export class PortableDataSource extends DataSource {
  private readonly sqliteGate = new Mutex();

  constructor(options: DataSourceOptions) {
    super(options);
  }

  get dialect(): Dialect {
    return dialectOf(this.options);
  }

  override createQueryRunner(mode: ReplicationMode = 'master'): QueryRunner {
    if (this.dialect === 'postgres') return super.createQueryRunner(mode);
    const runner = new SqliteQueryRunner(this.driver as BetterSqlite3Driver, this.sqliteGate);
    Object.assign(runner, { manager: this.createEntityManager(runner) });
    return runner;
  }

  protected override async buildMetadatas(): Promise<void> {
    useDialect(this.dialect);
    await super.buildMetadatas();
  }
}

export function dialectOf(options: DataSourceOptions): Dialect {
  return options.type === 'postgres' ? 'postgres' : 'sqlite';
}
