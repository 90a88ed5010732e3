import { PostgresQueryRunner } from 'typeorm/driver/postgres/PostgresQueryRunner.js';
import { isReadTimeout } from './database-errors.js';

/**
 * A connection that has not answered in time is thrown away. TypeORM would give it back to the pool, where every later
 * caller would wait behind the statement that is never answered: a socket whose other end vanished stays open for 15
 * minutes and more.
 */
export class PostgresRunner extends PostgresQueryRunner {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- TypeORM declares the rows of a raw query so
  override async query(sql: string, parameters?: unknown[], structured = false): Promise<any> {
    try {
      return await super.query(sql, parameters, structured);
    } catch (error) {
      if (isReadTimeout(error)) await this.discard(error);
      throw error;
    }
  }

  /** From now on this runner counts as released: a transaction on it ends with its connection. */
  private async discard(error: unknown): Promise<void> {
    this.releaseCallback?.(error);
    this.releaseCallback = undefined;
    await this.release();
  }
}
