import {
  type MigrationInterface,
  type QueryRunner,
  Table,
  TableCheck,
  TableColumn,
  TableIndex,
} from 'typeorm';
import type { TableColumnOptions } from 'typeorm/schema-builder/options/TableColumnOptions.js';
import { columnType, type PortableKind } from '../src/database/portable-columns.js';
import { dialectOf } from '../src/database/portable-data-source.js';

type Extra = Partial<TableColumnOptions>;

/** The outbox of messages to callback URLs. */
export class Callbacks0002 implements MigrationInterface {
  name = 'Callbacks1763800000002';

  async up(runner: QueryRunner): Promise<void> {
    const dialect = dialectOf(runner.dataSource.options);
    const portable = (name: string, kind: PortableKind, extra: Extra = {}): TableColumn => {
      const { type, ...size } = columnType(dialect, kind);
      return new TableColumn({ name, type: type as string, ...size, ...extra });
    };
    const text = (name: string, length: number): TableColumn =>
      new TableColumn({
        name,
        type: dialect === 'postgres' ? 'character varying' : 'varchar',
        length: String(length),
      });
    const optional = { isNullable: true };

    await runner.createTable(
      new Table({
        name: 'callbacks',
        columns: [
          portable('id', 'uuid', { isPrimary: true, primaryKeyConstraintName: 'callbacks_pk' }),
          portable('task_id', 'uuid'),
          text('url', 2000),
          text('host', 255),
          text('event', 32),
          new TableColumn({ name: 'body', type: 'text' }),
          text('status', 16),
          new TableColumn({ name: 'attempt', type: 'integer' }),
          portable('history', 'json'),
          portable('lease_id', 'uuid', optional),
          portable('next_attempt_at', 'timestamp', optional),
          portable('created_at', 'timestamp'),
          portable('delivered_at', 'timestamp', optional),
        ],
        checks: [
          check('callbacks_status', `status IN ('pending', 'delivered', 'dead')`),
          check('callbacks_event', `event IN ('task.completed', 'task.failed', 'task.cancelled')`),
          check('callbacks_pending_has_next', `(status = 'pending') = (next_attempt_at IS NOT NULL)`),
          check('callbacks_delivered_has_time', `(status = 'delivered') = (delivered_at IS NOT NULL)`),
          check('callbacks_lease', `lease_id IS NULL OR status = 'pending'`),
          check('callbacks_attempt', 'attempt >= 0'),
        ],
        indices: [
          new TableIndex({
            name: 'callbacks_due',
            columnNames: ['next_attempt_at', 'id'],
            where: `status = 'pending'`,
          }),
          new TableIndex({ name: 'callbacks_task', columnNames: ['task_id', 'id'] }),
        ],
      }),
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable('callbacks');
  }
}

function check(name: string, expression: string): TableCheck {
  return new TableCheck({ name, expression });
}
