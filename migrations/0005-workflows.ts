import type { MigrationInterface, QueryRunner } from 'typeorm';
import { OPTIONAL, TableBuilder } from '../src/database/table-builder.js';

const ACTIVE = `status IN ('queued', 'running')`;

/** Workflows with their versions, runs and steps, and schedules with their decisions. */
export class Workflows0005 implements MigrationInterface {
  name = 'Workflows1764000000005';

  async up(runner: QueryRunner): Promise<void> {
    await workflows(runner);
    await runs(runner);
    await steps(runner);
    await schedules(runner);
  }

  async down(runner: QueryRunner): Promise<void> {
    const tables = [
      'schedule_decisions',
      'schedules',
      'workflow_steps',
      'workflow_runs',
      'workflow_versions',
      'workflows',
    ];
    for (const table of tables) await runner.dropTable(table);
  }
}

async function workflows(runner: QueryRunner): Promise<void> {
  await new TableBuilder(runner, 'workflows')
    .id('workflows_pk')
    .text('name', 100)
    .column('description', 'text')
    .column('trigger_events', 'json')
    .column('trigger_conditions', 'text', OPTIONAL)
    .column('steps', 'json')
    .text('status', 16)
    .column('is_active', 'boolean')
    .column('timeout_seconds', 'integer')
    .text('origin', 16)
    .column('version', 'integer')
    .text('hash', 64)
    .column('definition', 'json')
    .column('execution_count', 'integer')
    .column('last_executed_at', 'timestamp', OPTIONAL)
    .column('last_execution_context', 'json', OPTIONAL)
    .column('last_result', 'json', OPTIONAL)
    .column('last_error', 'text', OPTIONAL)
    .column('created_at', 'timestamp')
    .column('updated_at', 'timestamp')
    .check('workflows_status', `status IN ('idle', 'running', 'completed', 'failed', 'cancelled')`)
    .check('workflows_origin', `origin IN ('code', 'api')`)
    .check('workflows_version', 'version >= 1 AND execution_count >= 0')
    .unique('workflows_name', 'name')
    .index('workflows_status_active', 'status, is_active')
    .index('workflows_last_executed', 'last_executed_at')
    .create();
  await new TableBuilder(runner, 'workflow_versions')
    .id('workflow_versions_pk')
    .column('workflow_id', 'uuid')
    .column('version', 'integer')
    .text('hash', 64)
    .column('definition', 'json')
    .text('created_by', 128, OPTIONAL)
    .column('created_at', 'timestamp')
    .unique('workflow_versions_number', 'workflow_id, version')
    .create();
}

async function runs(runner: QueryRunner): Promise<void> {
  await new TableBuilder(runner, 'workflow_runs')
    .id('workflow_runs_pk')
    .column('workflow_id', 'uuid')
    .text('workflow_name', 100)
    .column('version', 'integer')
    .text('status', 16)
    .text('stopping', 16, OPTIONAL)
    .text('trigger_kind', 16)
    .column('event', 'json')
    .column('inputs', 'json')
    .text('idempotency_key', 255, OPTIONAL)
    .text('request_hash', 64)
    .text('concurrency_key', 255, OPTIONAL)
    .column('parent_run_id', 'uuid', OPTIONAL)
    .column('schedule_id', 'uuid', OPTIONAL)
    .column('timeout_seconds', 'integer')
    .column('depth', 'integer')
    .column('resumes', 'integer')
    .text('requested_by', 128, OPTIONAL)
    .column('cancel_requested_at', 'timestamp', OPTIONAL)
    .text('cancelled_by', 128, OPTIONAL)
    .column('error', 'text', OPTIONAL)
    .column('created_at', 'timestamp')
    .column('started_at', 'timestamp', OPTIONAL)
    .column('deadline_at', 'timestamp', OPTIONAL)
    .column('finished_at', 'timestamp', OPTIONAL)
    .column('look_at', 'timestamp', OPTIONAL)
    .column('lease_id', 'uuid', OPTIONAL)
    .column('lease_expires_at', 'timestamp', OPTIONAL)
    .check('workflow_runs_status', `status IN ('queued', 'running', 'completed', 'failed', 'cancelled')`)
    .check('workflow_runs_stopping', `stopping IS NULL OR stopping IN ('failed', 'timeout', 'cancelled')`)
    .check('workflow_runs_trigger', `trigger_kind IN ('manual', 'event', 'schedule', 'backfill', 'workflow')`)
    .check('workflow_runs_active_is_looked_at', `(${ACTIVE}) = (look_at IS NOT NULL)`)
    .check('workflow_runs_ended', `(${ACTIVE}) = (finished_at IS NULL)`)
    .check('workflow_runs_started', `status <> 'running' OR started_at IS NOT NULL`)
    .check('workflow_runs_lease', '(lease_id IS NULL) = (lease_expires_at IS NULL)')
    .index('workflow_runs_look', 'look_at, id', ACTIVE)
    .unique(
      'workflow_runs_key_holder',
      'concurrency_key',
      `status = 'running' AND concurrency_key IS NOT NULL`,
    )
    .index('workflow_runs_key_queue', 'concurrency_key, id', `status = 'queued'`)
    .unique('workflow_runs_idempotency', 'idempotency_key')
    .index('workflow_runs_newest', 'created_at, id')
    .index('workflow_runs_finished', 'finished_at', 'finished_at IS NOT NULL')
    .index('workflow_runs_workflow', 'workflow_id, created_at')
    .index('workflow_runs_parent', 'parent_run_id', 'parent_run_id IS NOT NULL')
    .index('workflow_runs_schedule', 'schedule_id', `schedule_id IS NOT NULL AND ${ACTIVE}`)
    .create();
}

async function steps(runner: QueryRunner): Promise<void> {
  await new TableBuilder(runner, 'workflow_steps')
    .id('workflow_steps_pk')
    .column('run_id', 'uuid')
    .text('name', 64)
    .column('item', 'integer')
    .text('status', 16)
    .column('attempt', 'integer')
    .column('request', 'json', OPTIONAL)
    .column('task_id', 'uuid', OPTIONAL)
    .column('child_run_id', 'uuid', OPTIONAL)
    .text('wait_pattern', 128, OPTIONAL)
    .column('wait_seen_at', 'timestamp', OPTIONAL)
    .column('wake_at', 'timestamp', OPTIONAL)
    .column('result', 'json', OPTIONAL)
    .column('error', 'text', OPTIONAL)
    .column('started_at', 'timestamp', OPTIONAL)
    .column('finished_at', 'timestamp', OPTIONAL)
    .check(
      'workflow_steps_status',
      `status IN ('pending', 'starting', 'running', 'completed', 'failed', 'skipped', 'cancelled')`,
    )
    .check('workflow_steps_starting_has_request', `status <> 'starting' OR request IS NOT NULL`)
    .check(
      'workflow_steps_ended',
      `(status IN ('completed', 'failed', 'skipped', 'cancelled')) = (finished_at IS NOT NULL)`,
    )
    .check('workflow_steps_item', 'item >= -1 AND attempt >= 0')
    .unique('workflow_steps_name', 'run_id, name, item')
    .index('workflow_steps_task', 'task_id', `status = 'running' AND task_id IS NOT NULL`)
    .index('workflow_steps_child', 'child_run_id', `status = 'running' AND child_run_id IS NOT NULL`)
    .index('workflow_steps_waiting', 'wait_pattern', `status = 'running' AND wait_pattern IS NOT NULL`)
    .create();
}

async function schedules(runner: QueryRunner): Promise<void> {
  await new TableBuilder(runner, 'schedules')
    .id('schedules_pk')
    .text('name', 128)
    .column('workflow_id', 'uuid')
    .text('workflow_name', 100)
    .text('cron', 100)
    .text('time_zone', 64)
    .column('inputs', 'json')
    .text('missed', 16)
    .column('missed_max', 'integer')
    .text('overlap', 16)
    .column('decided_until', 'timestamp')
    .column('next_fire_at', 'timestamp', OPTIONAL)
    .column('created_at', 'timestamp')
    .check('schedules_missed', `missed IN ('skip', 'run_once', 'run_all') AND missed_max BETWEEN 1 AND 100`)
    .check('schedules_overlap', `overlap IN ('skip', 'queue', 'allow')`)
    .unique('schedules_name', 'name')
    .index('schedules_workflow', 'workflow_id')
    .index('schedules_due', 'next_fire_at', 'next_fire_at IS NOT NULL')
    .create();
  await new TableBuilder(runner, 'schedule_decisions')
    .id('schedule_decisions_pk')
    .column('schedule_id', 'uuid')
    .column('fire_at', 'timestamp')
    .text('kind', 16)
    .text('outcome', 16)
    .column('reason', 'text')
    .column('run_id', 'uuid', OPTIONAL)
    .text('decided_by', 128, OPTIONAL)
    .column('decided_at', 'timestamp')
    .check('schedule_decisions_kind', `kind IN ('tick', 'backfill')`)
    .check(
      'schedule_decisions_outcome',
      `outcome IN ('fired', 'queued', 'skipped_missed', 'skipped_overlap', 'refused')`,
    )
    .check('schedule_decisions_run', `(outcome IN ('fired', 'queued')) = (run_id IS NOT NULL)`)
    .unique('schedule_decisions_fired_once', 'schedule_id, fire_at', 'run_id IS NOT NULL')
    .index('schedule_decisions_tick', 'schedule_id, fire_at, id')
    .index('schedule_decisions_age', 'decided_at')
    .create();
}
