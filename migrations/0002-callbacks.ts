import type { MigrationInterface, QueryRunner } from 'typeorm';
import { OPTIONAL, TableBuilder } from '../src/database/table-builder.js';

/** The outbox of messages to callback URLs. */
export class Callbacks0002 implements MigrationInterface {
  name = 'Callbacks1763800000002';

  async up(runner: QueryRunner): Promise<void> {
    await new TableBuilder(runner, 'callbacks')
      .id('callbacks_pk')
      .column('task_id', 'uuid')
      .text('url', 2000)
      .text('host', 255)
      .text('event', 32)
      .column('body', 'text')
      .text('status', 16)
      .column('attempt', 'integer')
      .column('history', 'json')
      .column('lease_id', 'uuid', OPTIONAL)
      .column('next_attempt_at', 'timestamp', OPTIONAL)
      .column('created_at', 'timestamp')
      .column('delivered_at', 'timestamp', OPTIONAL)
      .check('callbacks_status', `status IN ('pending', 'delivered', 'dead')`)
      .check('callbacks_event', `event IN ('task.completed', 'task.failed', 'task.cancelled')`)
      .check('callbacks_pending_has_next', `(status = 'pending') = (next_attempt_at IS NOT NULL)`)
      .check('callbacks_delivered_has_time', `(status = 'delivered') = (delivered_at IS NOT NULL)`)
      .check('callbacks_lease', `lease_id IS NULL OR status = 'pending'`)
      .check('callbacks_attempt', 'attempt >= 0')
      .index('callbacks_due', 'next_attempt_at, id', `status = 'pending'`)
      .index('callbacks_task', 'task_id, id')
      .create();
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable('callbacks');
  }
}
