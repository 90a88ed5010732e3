import type { MigrationInterface, QueryRunner } from 'typeorm';
import { OPTIONAL, TableBuilder } from '../src/database/table-builder.js';

/** Tasks, their ended runs, and the workers that live. */
export class Tasks0001 implements MigrationInterface {
  name = 'Tasks1763800000001';

  async up(runner: QueryRunner): Promise<void> {
    await tasks(runner);
    await new TableBuilder(runner, 'task_runs')
      .id('task_runs_pk')
      .column('task_id', 'uuid')
      .column('number', 'integer')
      .text('status', 16)
      .text('worker_id', 128)
      .text('failure_reason', 32, OPTIONAL)
      .column('error', 'text', OPTIONAL)
      .column('result', 'json', OPTIONAL)
      .text('trace_path', 255, OPTIONAL)
      .text('manifest_sha256', 64, OPTIONAL)
      .column('started_at', 'timestamp')
      .column('finished_at', 'timestamp')
      .check('task_runs_status', `status IN ('completed', 'failed', 'cancelled', 'lost', 'released')`)
      .unique('task_runs_task', 'task_id, number')
      .create();
    await new TableBuilder(runner, 'workers')
      .text('id', 128, { isPrimary: true, primaryKeyConstraintName: 'workers_pk' })
      .text('host', 255)
      .column('pid', 'integer')
      .column('queues', 'json')
      .column('types', 'json')
      .column('slots', 'integer')
      .column('busy', 'integer')
      .column('paused', 'text', OPTIONAL)
      .column('started_at', 'timestamp')
      .column('heartbeat_at', 'timestamp')
      .create();
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['workers', 'task_runs', 'tasks']) await runner.dropTable(table);
  }
}

async function tasks(runner: QueryRunner): Promise<void> {
  await new TableBuilder(runner, 'tasks')
    .id('tasks_pk')
    .text('type', 64)
    .text('status', 16)
    .text('priority', 16)
    .column('priority_rank', 'smallint')
    .text('source', 64)
    .column('payload', 'json')
    .column('target', 'json', OPTIONAL)
    .column('options', 'json')
    .column('metadata', 'json')
    .column('tags', 'json')
    .text('idempotency_key', 128, OPTIONAL)
    .text('request_hash', 64)
    .text('callback_url', 2000, OPTIONAL)
    .text('queue', 64)
    .text('concurrency_key', 128, OPTIONAL)
    .text('hold', 16, OPTIONAL)
    .column('run_at', 'timestamp')
    .column('expires_at', 'timestamp', OPTIONAL)
    .column('attempt', 'integer')
    .column('max_attempts', 'integer')
    .column('excused_runs', 'integer')
    .column('run_id', 'uuid', OPTIONAL)
    .text('worker_id', 128, OPTIONAL)
    .column('lease_expires_at', 'timestamp', OPTIONAL)
    .column('cancel_requested_at', 'timestamp', OPTIONAL)
    .text('requested_by', 128, OPTIONAL)
    .text('request_id', 128, OPTIONAL)
    .column('policy', 'json')
    .column('replay_of', 'uuid', OPTIONAL)
    .column('result', 'json', OPTIONAL)
    .text('failure_reason', 32, OPTIONAL)
    .column('error', 'text', OPTIONAL)
    .text('trace_path', 255, OPTIONAL)
    .column('created_at', 'timestamp')
    .column('updated_at', 'timestamp')
    .column('started_at', 'timestamp', OPTIONAL)
    .column('completed_at', 'timestamp', OPTIONAL)
    .check('tasks_status', `status IN ('pending', 'queued', 'running', 'completed', 'failed', 'cancelled')`)
    .check(
      'tasks_priority',
      `priority IN ('low', 'medium', 'high', 'critical') AND priority_rank BETWEEN 0 AND 3`,
    )
    .check(
      'tasks_running_has_lease',
      `(status = 'running') = (run_id IS NOT NULL) AND (status = 'running') = (lease_expires_at IS NOT NULL)`,
    )
    .check(
      'tasks_terminal_has_end',
      `(status IN ('completed', 'failed', 'cancelled')) = (completed_at IS NOT NULL)`,
    )
    .check('tasks_failed_has_reason', `status <> 'failed' OR failure_reason IS NOT NULL`)
    .check('tasks_hold', `hold IS NULL OR (status = 'queued' AND hold IN ('schedule', 'key'))`)
    .check('tasks_attempts', `attempt >= 0 AND excused_runs >= 0 AND attempt <= max_attempts + excused_runs`)
    .index('tasks_claim', 'queue, priority_rank, created_at, id', `status = 'queued' AND hold IS NULL`)
    .index('tasks_due', 'run_at', `hold = 'schedule'`)
    .index('tasks_waiting_for_key', 'concurrency_key, priority_rank, created_at, id', `hold = 'key'`)
    .unique(
      'tasks_key_holder',
      'concurrency_key',
      `concurrency_key IS NOT NULL AND (status = 'running' OR (status = 'queued' AND hold IS NULL))`,
    )
    .index('tasks_expiry', 'expires_at', `status = 'queued' AND expires_at IS NOT NULL`)
    .index('tasks_lease', 'lease_expires_at', `status = 'running'`)
    .unique('tasks_run', 'run_id', 'run_id IS NOT NULL')
    .unique('tasks_idempotency_key', 'idempotency_key')
    .index('tasks_newest', 'created_at, id')
    .index('tasks_type_status', 'type, status')
    .index('tasks_source_status', 'source, status')
    .index('tasks_finished', 'completed_at', 'completed_at IS NOT NULL')
    .create();
}
