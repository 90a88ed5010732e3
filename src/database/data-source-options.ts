import type { DataSourceOptions, MixedList } from 'typeorm';
import type { Settings } from '../config/settings.js';
import { parseDatabaseUrl } from './database-url.js';
import { PostgresClient } from './postgres-client.js';
import { SqliteConnection } from './sqlite-connection.js';
import { SnakeCaseNaming } from './snake-case-naming.js';

/** A statement that takes longer hangs: it is ended by the server, and the caller gets 503. */
const STATEMENT_TIMEOUT_MS = 10_000;
const LOCK_TIMEOUT_MS = 5_000;
const IDLE_IN_TRANSACTION_MS = 30_000;
/** For a connection, be it new or of the pool. */
const CONNECT_TIMEOUT_MS = 5_000;
/** Measured here: a server that was frozen, or whose network swallows everything, ends no statement. */
const ANSWER_TIMEOUT_MS = STATEMENT_TIMEOUT_MS + 2_000;

// eslint-disable-next-line @typescript-eslint/no-unsafe-function-type -- TypeORM's own word for a class
type Classes = MixedList<Function>;

/** How TypeORM connects to the database of these settings. Migrations are run by migrateSchema(), never by TypeORM itself. */
export function dataSourceOptions(
  settings: Settings,
  entities: Classes,
  migrations: Classes,
): DataSourceOptions {
  const location = parseDatabaseUrl(settings.databaseUrl);
  const common = {
    entities: entities as [],
    migrations: migrations as [],
    migrationsTableName: 'migrations',
    namingStrategy: new SnakeCaseNaming(),
    synchronize: false,
    logging: false,
  } as const;
  if (location.dialect === 'sqlite') {
    return {
      ...common,
      type: 'better-sqlite3',
      database: location.path,
      driver: SqliteConnection,
      // SqliteQueryRunner waits instead: a wait inside SQLite would block the whole process.
      timeout: 0,
      // SqliteConnection keeps its own, since every caller has a runner of its own.
      statementCacheSize: 0,
      prepareDatabase: async (connection: SqliteConnection) => {
        await connection.useWal();
        // After WAL: the binding is compiled to lower it to NORMAL, which may lose acknowledged commits on power loss.
        connection.pragma('synchronous = FULL');
      },
    };
  }
  return {
    ...common,
    type: 'postgres',
    url: location.url,
    applicationName: 'control-tower',
    poolSize: Math.max(10, settings.workerConcurrency + 6),
    connectTimeoutMS: CONNECT_TIMEOUT_MS,
    parseInt8: true,
    // A dropped idle connection is replaced by the pool; without a handler the event would end the process (typeorm#1689).
    poolErrorHandler: () => undefined,
    extra: {
      Client: PostgresClient,
      keepAlive: true,
      statement_timeout: STATEMENT_TIMEOUT_MS,
      lock_timeout: LOCK_TIMEOUT_MS,
      idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
      query_timeout: ANSWER_TIMEOUT_MS,
    },
  };
}
