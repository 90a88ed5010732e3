import { type QueryRunner, Table, TableCheck, TableColumn, TableIndex } from 'typeorm';
import type { TableColumnOptions } from 'typeorm/schema-builder/options/TableColumnOptions.js';
import type { Dialect } from './database-url.js';
import { columnType, type PortableKind } from './portable-columns.js';
import { dialectOf } from './portable-data-source.js';

type Extra = Partial<TableColumnOptions>;

export const OPTIONAL: Extra = { isNullable: true };

/**
 * A table written once for both databases, for migrations; every constraint and index is named.
 *
 * @example
 * ```ts
 * await new TableBuilder(runner, 'notes')
 *   .id('notes_pk')
 *   .text('title', 200)
 *   .column('created_at', 'timestamp')
 *   .check('notes_title', `title <> ''`)
 *   .index('notes_newest', 'created_at, id')
 *   .create();
 * ```
 */
export class TableBuilder {
  private readonly columns: TableColumn[] = [];
  private readonly checks: TableCheck[] = [];
  private readonly indices: TableIndex[] = [];
  private readonly dialect: Dialect;

  constructor(
    private readonly runner: QueryRunner,
    private readonly name: string,
  ) {
    this.dialect = dialectOf(runner.dataSource.options);
  }

  /** The primary key: a UUID made by the application. */
  id(constraint: string): this {
    return this.column('id', 'uuid', { isPrimary: true, primaryKeyConstraintName: constraint });
  }

  /** A column of a portable kind, or of a type that both databases call the same. */
  column(
    name: string,
    type: PortableKind | 'integer' | 'smallint' | 'text' | 'boolean' | 'double precision',
    extra: Extra = {},
  ): this {
    const portable = type === 'json' || type === 'timestamp' || type === 'uuid';
    const { type: sqlType, ...size } = portable ? columnType(this.dialect, type) : { type };
    this.columns.push(new TableColumn({ name, type: sqlType as string, ...size, ...extra }));
    return this;
  }

  text(name: string, length: number, extra: Extra = {}): this {
    const type = this.dialect === 'postgres' ? 'character varying' : 'varchar';
    this.columns.push(new TableColumn({ name, type, length: String(length), ...extra }));
    return this;
  }

  check(name: string, expression: string): this {
    this.checks.push(new TableCheck({ name, expression }));
    return this;
  }

  index(name: string, columns: string, where?: string): this {
    this.indices.push(new TableIndex({ name, columnNames: columns.split(', '), ...(where && { where }) }));
    return this;
  }

  unique(name: string, columns: string, where?: string): this {
    this.indices.push(
      new TableIndex({ name, columnNames: columns.split(', '), isUnique: true, ...(where && { where }) }),
    );
    return this;
  }

  async create(): Promise<void> {
    const { name, columns, checks, indices } = this;
    await this.runner.createTable(new Table({ name, columns, checks, indices }));
  }
}
