import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { execute } from '../../database/statements.js';
import type { LateResult } from '../task-run.entity.js';
import { storableFailure } from './storable-ending.js';

/**
 * What runs had to say after they had lost their lease. It changes nothing about their tasks; it is kept on the run's row
 * as evidence that a command went on, or even ended, while its task already ran elsewhere.
 */
@Injectable()
export class LateResults {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** Also of the lost run with which its task was given up. @returns false when nobody has ended the run: then nothing was too late */
  async record(runId: string, late: LateResult): Promise<boolean> {
    const failure = late.failure && storableFailure(late.failure);
    const { affected } = await execute(
      this.dataSource.manager,
      `UPDATE task_runs SET late_result = $2 WHERE id = $1 AND late_result IS NULL
         AND (status = 'lost' OR (status = 'failed' AND failure_reason = 'worker_lost'))`,
      [runId, JSON.stringify({ ...late, failure })],
    );
    return affected > 0;
  }

  async count(): Promise<number> {
    const sql = 'SELECT count(*) AS count FROM task_runs WHERE late_result IS NOT NULL';
    const { rows } = await execute(this.dataSource.manager, sql);
    return Number(rows[0]?.['count'] ?? 0);
  }
}
