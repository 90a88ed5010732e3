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

/** Tasks, their ended runs, and the workers that live. */
export class Tasks0001 implements MigrationInterface {
  name = 'Tasks1763800000001';

  async up(runner: QueryRunner): Promise<void> {
    const dialect = dialectOf(runner.dataSource.options);
    const portable = (name: string, kind: PortableKind, extra: Extra = {}): TableColumn => {
      const { type, ...size } = columnType(dialect, kind);
      return new TableColumn({ name, type: type as string, ...size, ...extra });
    };
    const plain = (name: string, type: string, extra: Extra = {}): TableColumn =>
      new TableColumn({ name, type, ...extra });
    const text = (name: string, length: number, extra: Extra = {}): TableColumn =>
      new TableColumn({
        name,
        type: dialect === 'postgres' ? 'character varying' : 'varchar',
        length: String(length),
        ...extra,
      });
    const optional = { isNullable: true };

    await runner.createTable(
      new Table({
        name: 'tasks',
        columns: [
          portable('id', 'uuid', { isPrimary: true, primaryKeyConstraintName: 'tasks_pk' }),
          text('type', 64),
          text('status', 16),
          text('priority', 16),
          plain('priority_rank', 'smallint'),
          text('source', 64),
          portable('payload', 'json'),
          portable('target', 'json', optional),
          portable('options', 'json'),
          portable('metadata', 'json'),
          portable('tags', 'json'),
          text('idempotency_key', 128, optional),
          text('request_hash', 64),
          text('callback_url', 2000, optional),
          text('queue', 64),
          text('concurrency_key', 128, optional),
          text('hold', 16, optional),
          portable('run_at', 'timestamp'),
          portable('expires_at', 'timestamp', optional),
          plain('attempt', 'integer'),
          plain('max_attempts', 'integer'),
          plain('excused_runs', 'integer'),
          portable('run_id', 'uuid', optional),
          text('worker_id', 128, optional),
          portable('lease_expires_at', 'timestamp', optional),
          portable('cancel_requested_at', 'timestamp', optional),
          text('requested_by', 128, optional),
          text('request_id', 128, optional),
          portable('policy', 'json'),
          portable('replay_of', 'uuid', optional),
          portable('result', 'json', optional),
          text('failure_reason', 32, optional),
          plain('error', 'text', optional),
          text('trace_path', 255, optional),
          portable('created_at', 'timestamp'),
          portable('updated_at', 'timestamp'),
          portable('started_at', 'timestamp', optional),
          portable('completed_at', 'timestamp', optional),
        ],
        checks: [
          check(
            'tasks_status',
            `status IN ('pending', 'queued', 'running', 'completed', 'failed', 'cancelled')`,
          ),
          check(
            'tasks_priority',
            `priority IN ('low', 'medium', 'high', 'critical') AND priority_rank BETWEEN 0 AND 3`,
          ),
          check(
            'tasks_running_has_lease',
            `(status = 'running') = (run_id IS NOT NULL) AND (status = 'running') = (lease_expires_at IS NOT NULL)`,
          ),
          check(
            'tasks_terminal_has_end',
            `(status IN ('completed', 'failed', 'cancelled')) = (completed_at IS NOT NULL)`,
          ),
          check('tasks_failed_has_reason', `status <> 'failed' OR failure_reason IS NOT NULL`),
          check('tasks_hold', `hold IS NULL OR (status = 'queued' AND hold IN ('schedule', 'key'))`),
          check(
            'tasks_attempts',
            `attempt >= 0 AND excused_runs >= 0 AND attempt <= max_attempts + excused_runs`,
          ),
        ],
        indices: [
          index('tasks_claim', 'queue, priority_rank, created_at, id', `status = 'queued' AND hold IS NULL`),
          index('tasks_due', 'run_at', `hold = 'schedule'`),
          index('tasks_waiting_for_key', 'concurrency_key, priority_rank, created_at, id', `hold = 'key'`),
          unique(
            'tasks_key_holder',
            'concurrency_key',
            `concurrency_key IS NOT NULL AND (status = 'running' OR (status = 'queued' AND hold IS NULL))`,
          ),
          index('tasks_expiry', 'expires_at', `status = 'queued' AND expires_at IS NOT NULL`),
          index('tasks_lease', 'lease_expires_at', `status = 'running'`),
          unique('tasks_run', 'run_id', 'run_id IS NOT NULL'),
          unique('tasks_idempotency_key', 'idempotency_key'),
          index('tasks_newest', 'created_at, id'),
          index('tasks_type_status', 'type, status'),
          index('tasks_source_status', 'source, status'),
          index('tasks_finished', 'completed_at', 'completed_at IS NOT NULL'),
        ],
      }),
    );
    await runner.createTable(
      new Table({
        name: 'task_runs',
        columns: [
          portable('id', 'uuid', { isPrimary: true, primaryKeyConstraintName: 'task_runs_pk' }),
          portable('task_id', 'uuid'),
          plain('number', 'integer'),
          text('status', 16),
          text('worker_id', 128),
          text('failure_reason', 32, optional),
          plain('error', 'text', optional),
          portable('result', 'json', optional),
          text('trace_path', 255, optional),
          text('manifest_sha256', 64, optional),
          portable('started_at', 'timestamp'),
          portable('finished_at', 'timestamp'),
        ],
        checks: [
          check('task_runs_status', `status IN ('completed', 'failed', 'cancelled', 'lost', 'released')`),
        ],
        indices: [unique('task_runs_task', 'task_id, number')],
      }),
    );
    await runner.createTable(
      new Table({
        name: 'workers',
        columns: [
          text('id', 128, { isPrimary: true, primaryKeyConstraintName: 'workers_pk' }),
          text('host', 255),
          plain('pid', 'integer'),
          portable('queues', 'json'),
          portable('types', 'json'),
          plain('slots', 'integer'),
          plain('busy', 'integer'),
          plain('paused', 'text', optional),
          portable('started_at', 'timestamp'),
          portable('heartbeat_at', 'timestamp'),
        ],
      }),
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['workers', 'task_runs', 'tasks']) await runner.dropTable(table);
  }
}

function check(name: string, expression: string): TableCheck {
  return new TableCheck({ name, expression });
}

function index(name: string, columns: string, where?: string): TableIndex {
  return new TableIndex({
    name,
    columnNames: columns.split(', '),
    ...(where === undefined ? {} : { where }),
  });
}

function unique(name: string, columns: string, where?: string): TableIndex {
  return new TableIndex({
    name,
    columnNames: columns.split(', '),
    isUnique: true,
    ...(where === undefined ? {} : { where }),
  });
}
