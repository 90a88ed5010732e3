import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Runs that their worker did not end, by worker: whoever ends one more of them asks which others there were. */
export class LostWithWorker0005 implements MigrationInterface {
  name = 'LostWithWorker1764100000005';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `CREATE INDEX task_runs_lost ON task_runs (worker_id)
       WHERE failure_reason = 'worker_lost' AND status IN ('lost', 'failed')`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX task_runs_lost');
  }
}
