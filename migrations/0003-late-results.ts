import type { MigrationInterface, QueryRunner } from 'typeorm';
import { columnType } from '../src/database/portable-columns.js';
import { dialectOf } from '../src/database/portable-data-source.js';

/**
 * What a run had to say after it had lost its lease. In SQL: TypeORM would copy the whole table on SQLite to add a column.
 */
export class LateResults0003 implements MigrationInterface {
  name = 'LateResults1763900000003';

  async up(runner: QueryRunner): Promise<void> {
    const { type } = columnType(dialectOf(runner.dataSource.options), 'json');
    await runner.query(`ALTER TABLE task_runs ADD COLUMN late_result ${type as string}`);
    // Of the few runs that have one: they are counted in /tasks/stats.
    await runner.query('CREATE INDEX task_runs_late ON task_runs (id) WHERE late_result IS NOT NULL');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX task_runs_late');
    await runner.query('ALTER TABLE task_runs DROP COLUMN late_result');
  }
}
