import type { DataSource, EntityManager, EntityMetadata, ObjectLiteral, QueryRunner } from 'typeorm';
import type { ColumnMetadata } from 'typeorm/metadata/ColumnMetadata.js';
import type { Dialect } from './database-url.js';
import { dialectOf } from './portable-data-source.js';

export interface StatementResult {
  rows: Record<string, unknown>[];
  /** Rows inserted, changed or removed; for a statement with RETURNING, the rows that it returned. */
  affected: number;
}

/** Runs one SQL statement, inside the transaction of `manager` if it has one. Parameters are `$1`, `$2`, ... on both databases. */
export async function execute(
  manager: EntityManager,
  sql: string,
  parameters: unknown[] = [],
): Promise<StatementResult> {
  const own = manager.queryRunner === undefined ? manager.dataSource.createQueryRunner() : undefined;
  try {
    const result = await ((manager.queryRunner ?? own) as QueryRunner).query(sql, parameters, true);
    const rows = (result.records ?? []) as Record<string, unknown>[];
    return { rows, affected: rows.length > 0 ? rows.length : (result.affected ?? 0) };
  } finally {
    await own?.release();
  }
}

/** A stored row, as raw SQL gives it, to its entity. */
export function hydrate<E extends ObjectLiteral>(metadata: EntityMetadata, row: Record<string, unknown>): E {
  const entity = metadata.create() as E;
  for (const column of metadata.columns) {
    const value = metadata.dataSource.driver.prepareHydratedValue(
      row[column.databaseName],
      column,
    ) as unknown;
    column.setEntityValue(entity, value);
  }
  return entity;
}

/**
 * `INSERT INTO table (columns) VALUES (...)` for an entity; properties that are `undefined` are left to the column's
 * default, those in `expressions` are given by SQL. The caller appends ON CONFLICT and RETURNING.
 */
export function insertSql<E extends ObjectLiteral>(
  metadata: EntityMetadata,
  entity: E,
  expressions: Partial<Record<keyof E, string>> = {},
): { sql: string; parameters: unknown[] } {
  return insertRowsSql(metadata, [entity], expressions);
}

/** As insertSql(), for one or more entities that leave the same properties `undefined`. */
export function insertRowsSql<E extends ObjectLiteral>(
  metadata: EntityMetadata,
  entities: readonly E[],
  expressions: Partial<Record<keyof E, string>> = {},
): { sql: string; parameters: unknown[] } {
  const parameters: unknown[] = [];
  const { driver } = metadata.dataSource;
  const expressionOf = (column: ColumnMetadata): string | undefined =>
    expressions[column.propertyName as keyof E];
  const columns = metadata.columns.filter(
    (column) => expressionOf(column) !== undefined || column.getEntityValue(entities[0]) !== undefined,
  );
  const bind = (entity: E, column: ColumnMetadata): string =>
    `$${parameters.push(driver.preparePersistentValue(column.getEntityValue(entity), column))}`;
  const rows = entities.map(
    (entity) => `(${columns.map((column) => expressionOf(column) ?? bind(entity, column)).join(', ')})`,
  );
  const names = columns.map(({ databaseName }) => databaseName).join(', ');
  return { sql: `INSERT INTO ${metadata.tableName} (${names}) VALUES ${rows.join(', ')}`, parameters };
}

/** The clock that decides leases and times: the database's, so that the clocks of the processes need not agree. */
export interface SqlClock {
  /** The time now. */
  now: string;
  /** The time that lies the given number of seconds (a parameter, fractions allowed) after now. */
  after(secondsParameter: string): string;
}

const CLOCKS: Record<Dialect, SqlClock> = {
  postgres: {
    // Columns hold milliseconds: rounded up on storing, a time would lie in the future of the next statement.
    now: `date_trunc('milliseconds', now())`,
    after: (seconds) =>
      `date_trunc('milliseconds', now()) + make_interval(secs => ${seconds}::double precision)`,
  },
  sqlite: {
    now: `strftime('%Y-%m-%d %H:%M:%f', 'now')`,
    after: (seconds) => `strftime('%Y-%m-%d %H:%M:%f', 'now', (${seconds}) || ' seconds')`,
  },
};

export function sqlClock(dataSource: DataSource): SqlClock {
  return CLOCKS[dialectOf(dataSource.options)];
}
