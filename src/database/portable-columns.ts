import { Column, type ColumnOptions, type ColumnType, getMetadataArgsStorage, PrimaryColumn } from 'typeorm';
import type { Dialect } from './database-url.js';

/** Column kinds whose SQL type differs between the databases. */
export type PortableKind = 'json' | 'timestamp' | 'uuid';

type SqlType = { type: ColumnType; length?: string; precision?: number };

const SQL_TYPES: Record<Dialect, Record<PortableKind, SqlType>> = {
  postgres: {
    json: { type: 'jsonb' },
    timestamp: { type: 'timestamptz', precision: 3 },
    uuid: { type: 'uuid' },
  },
  // Not `jsonb`: TypeORM stores that as a BLOB, which raw SQL cannot read.
  sqlite: {
    json: { type: 'json' },
    timestamp: { type: 'datetime' },
    uuid: { type: 'varchar', length: '36' },
  },
};

/** The SQL type of a kind, for entities and migrations alike. */
export function columnType(dialect: Dialect, kind: PortableKind): SqlType {
  return SQL_TYPES[dialect][kind];
}

const kinds: { target: unknown; property: string; kind: PortableKind }[] = [];

function portable(kind: PortableKind, options: ColumnOptions): PropertyDecorator {
  return (target, property) => {
    kinds.push({ target: target.constructor, property: String(property), kind });
    Column({ ...options, type: 'varchar' })(target, property);
  };
}

export const JsonColumn = (options: ColumnOptions = {}): PropertyDecorator => portable('json', options);
export const TimestampColumn = (options: ColumnOptions = {}): PropertyDecorator =>
  portable('timestamp', options);
export const UuidColumn = (options: ColumnOptions = {}): PropertyDecorator => portable('uuid', options);

/** The primary key of every table: a UUIDv7 made by the application. */
export function IdColumn(primaryKeyConstraintName: string): PropertyDecorator {
  return (target, property) => {
    kinds.push({ target: target.constructor, property: String(property), kind: 'uuid' });
    PrimaryColumn({ type: 'varchar', primaryKeyConstraintName })(target, property);
  };
}

/** Gives every portable column the type of this database; called before the metadata of a data source is built. */
export function useDialect(dialect: Dialect): void {
  for (const { target, property, kind } of kinds) {
    const column = getMetadataArgsStorage().columns.find(
      (each) => each.target === target && each.propertyName === property,
    );
    if (column) Object.assign(column.options, columnType(dialect, kind));
    if (column && dialect === 'postgres') delete column.options.length;
  }
}
