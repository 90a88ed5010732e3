import type { MigrationInterface, QueryRunner } from 'typeorm';
import { OPTIONAL, TableBuilder } from '../src/database/table-builder.js';

/** Agents, what each process says of its instance of them, and what they use of language models. */
export class Agents0008 implements MigrationInterface {
  name = 'Agents1764200000008';

  async up(runner: QueryRunner): Promise<void> {
    await agents(runner);
    await new TableBuilder(runner, 'agent_instances')
      .text('agent', 100, { isPrimary: true, primaryKeyConstraintName: 'agent_instances_pk' })
      .text('process_id', 128, { isPrimary: true, primaryKeyConstraintName: 'agent_instances_pk' })
      .text('status', 16)
      .column('reason', 'text', OPTIONAL)
      .text('health_status', 20)
      .column('health_details', 'json', OPTIONAL)
      .column('revision', 'integer')
      .column('started_at', 'timestamp', OPTIONAL)
      .column('heartbeat_at', 'timestamp')
      .check('agent_instances_status', `status IN ('stopped', 'starting', 'running', 'stopping', 'error')`)
      .create();
    await new TableBuilder(runner, 'ai_usage')
      .text('day', 10, { isPrimary: true, primaryKeyConstraintName: 'ai_usage_pk' })
      .text('scope', 100, { isPrimary: true, primaryKeyConstraintName: 'ai_usage_pk' })
      .column('calls', 'integer')
      .column('input_tokens', 'integer')
      .column('output_tokens', 'integer')
      .column('cost_micros', 'integer')
      .column('reserved_tokens', 'integer')
      .column('reserved_micros', 'integer')
      .check(
        'ai_usage_counts',
        'calls >= 0 AND input_tokens >= 0 AND output_tokens >= 0 AND cost_micros >= 0',
      )
      .check('ai_usage_reserved', 'reserved_tokens >= 0 AND reserved_micros >= 0')
      .create();
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['ai_usage', 'agent_instances', 'agents']) await runner.dropTable(table);
  }
}

async function agents(runner: QueryRunner): Promise<void> {
  await new TableBuilder(runner, 'agents')
    .id('agents_pk')
    .text('name', 100)
    .text('type', 50)
    .column('description', 'text')
    .column('config', 'json')
    .column('capabilities', 'json')
    .text('status', 16)
    .column('last_heartbeat', 'timestamp', OPTIONAL)
    .text('health_status', 20)
    .column('health_details', 'json', OPTIONAL)
    .column('tasks_completed', 'integer')
    .column('tasks_failed', 'integer')
    .column('average_response_time', 'double precision', OPTIONAL)
    .column('created_at', 'timestamp')
    .column('started_at', 'timestamp', OPTIONAL)
    .column('last_activity_at', 'timestamp', OPTIONAL)
    .column('is_enabled', 'boolean')
    .column('auto_restart', 'boolean')
    .column('max_concurrent_tasks', 'integer')
    .column('last_error', 'text', OPTIONAL)
    .column('error_count', 'integer')
    .column('revision', 'integer')
    .check('agents_status', `status IN ('inactive', 'starting', 'running', 'stopping', 'error')`)
    .check('agents_counts', 'tasks_completed >= 0 AND tasks_failed >= 0 AND error_count >= 0')
    .unique('agents_name', 'name')
    .index('agents_type_status', 'type, status')
    .index('agents_health', 'health_status, is_enabled')
    .index('agents_activity', 'last_activity_at')
    .create();
}
