import type { MigrationInterface, QueryRunner } from 'typeorm';
import { dialectOf } from '../src/database/portable-data-source.js';
import { OPTIONAL, TableBuilder } from '../src/database/table-builder.js';

const OPEN = `status IN ('pending', 'processing', 'failed')`;

/** Events, their deliveries to subscribers, and what caused a task. */
export class Events0006 implements MigrationInterface {
  name = 'Events1764200000006';

  async up(runner: QueryRunner): Promise<void> {
    await new TableBuilder(runner, 'events')
      .id('events_pk')
      .text('type', 100)
      .text('source', 255)
      .column('data', 'json')
      .text('priority', 16)
      .column('priority_rank', 'smallint')
      .column('tags', 'json')
      .text('status', 16)
      .text('dedup_id', 255, OPTIONAL)
      .text('caused_by_kind', 16, OPTIONAL)
      .text('caused_by_id', 255, OPTIONAL)
      .text('actor', 128, OPTIONAL)
      .column('created_at', 'timestamp')
      .column('processed_at', 'timestamp', OPTIONAL)
      .column('processed_by', 'text', OPTIONAL)
      .column('result', 'json', OPTIONAL)
      .column('error', 'text', OPTIONAL)
      .check('events_status', `status IN ('pending', 'processing', 'completed', 'failed')`)
      .check(
        'events_priority',
        `priority IN ('low', 'medium', 'high', 'critical') AND priority_rank BETWEEN 0 AND 3`,
      )
      .check('events_processed', `(status IN ('completed', 'failed')) = (processed_at IS NOT NULL)`)
      .check('events_cause_whole', `(caused_by_kind IS NULL) = (caused_by_id IS NULL)`)
      .index('events_pending', 'priority_rank, created_at, id', `status = 'pending'`)
      .unique('events_dedup', 'source, dedup_id')
      .index('events_newest', 'created_at, id')
      .index('events_type_status', 'type, status')
      .index('events_priority_status', 'priority, status')
      .index('events_cause', 'caused_by_id, caused_by_kind', 'caused_by_id IS NOT NULL')
      .create();
    await deliveries(runner);
    await causesOfTasks(runner);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX tasks_cause');
    for (const column of ['caused_by_id', 'caused_by_kind'])
      await runner.query(`ALTER TABLE tasks DROP COLUMN ${column}`);
    for (const table of ['event_deliveries', 'events']) await runner.dropTable(table);
  }
}

async function deliveries(runner: QueryRunner): Promise<void> {
  await new TableBuilder(runner, 'event_deliveries')
    .id('event_deliveries_pk')
    .column('event_id', 'uuid')
    .text('subscriber', 128)
    .text('status', 16)
    .column('priority_rank', 'smallint')
    .column('attempt', 'integer')
    .column('lost_attempts', 'integer')
    .column('lease_id', 'uuid', OPTIONAL)
    .column('next_attempt_at', 'timestamp', OPTIONAL)
    .column('outcome', 'json', OPTIONAL)
    .column('error', 'text', OPTIONAL)
    .column('created_at', 'timestamp')
    .column('started_at', 'timestamp', OPTIONAL)
    .column('finished_at', 'timestamp', OPTIONAL)
    .check(
      'event_deliveries_status',
      `status IN ('pending', 'processing', 'completed', 'failed', 'dead', 'skipped')`,
    )
    .check('event_deliveries_open_has_next', `(${OPEN}) = (next_attempt_at IS NOT NULL)`)
    .check('event_deliveries_lease', `(status = 'processing') = (lease_id IS NOT NULL)`)
    .check('event_deliveries_attempt', 'attempt >= lost_attempts AND lost_attempts >= 0')
    .unique('event_deliveries_event', 'event_id, subscriber')
    .index('event_deliveries_open', 'subscriber, priority_rank, event_id', OPEN)
    .index('event_deliveries_due', 'next_attempt_at', OPEN)
    .index('event_deliveries_dead', 'subscriber', `status = 'dead'`)
    .index('event_deliveries_newest', 'subscriber, id')
    .create();
}

/** In SQL: TypeORM would copy the whole table on SQLite to add a column. */
async function causesOfTasks(runner: QueryRunner): Promise<void> {
  const text = dialectOf(runner.dataSource.options) === 'postgres' ? 'character varying' : 'varchar';
  await runner.query(`ALTER TABLE tasks ADD COLUMN caused_by_kind ${text}(16)`);
  await runner.query(`ALTER TABLE tasks ADD COLUMN caused_by_id ${text}(255)`);
  await runner.query(
    'CREATE INDEX tasks_cause ON tasks (caused_by_id, caused_by_kind) WHERE caused_by_id IS NOT NULL',
  );
}
