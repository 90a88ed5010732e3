import type { MigrationInterface, QueryRunner } from 'typeorm';

/** How far the clock of a worker is ahead of the database's. In SQL: TypeORM would copy the table on SQLite to add a column. */
export class ClockSkew0004 implements MigrationInterface {
  name = 'ClockSkew1764000000004';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE workers ADD COLUMN clock_skew_ms integer');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE workers DROP COLUMN clock_skew_ms');
  }
}
