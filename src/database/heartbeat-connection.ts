import pg from 'pg';
import { isReadTimeout } from './database-errors.js';

/** Heartbeats are tried again every second, so that an attempt that hangs should end while there still is a lease. */
const STATEMENT_TIMEOUT_MS = 3_000;
const ANSWER_TIMEOUT_MS = 4_000;

/**
 * A connection to PostgreSQL for heartbeats alone, opened by the first one and kept: neither requests that hold every
 * connection of the pool nor a server that takes no more connections can make a worker lose its leases.
 */
export class HeartbeatConnection {
  private readonly pool: pg.Pool;

  constructor(url: string) {
    this.pool = new pg.Pool({
      connectionString: url,
      application_name: 'control-tower-heartbeat',
      max: 1,
      // Never closed for having nothing to do: it might not be given another one.
      idleTimeoutMillis: 0,
      connectionTimeoutMillis: ANSWER_TIMEOUT_MS,
      query_timeout: ANSWER_TIMEOUT_MS,
      statement_timeout: STATEMENT_TIMEOUT_MS,
      keepAlive: true,
    });
    // A connection that breaks is replaced; without handlers its events would end the process.
    this.pool.on('error', () => undefined);
    this.pool.on('connect', (client) => client.on('error', () => undefined));
  }

  /** A statement that fails leaves the connection as it is; one that is not answered in time takes it along. */
  async query(sql: string, parameters: unknown[]): Promise<Record<string, unknown>[]> {
    const client = await this.pool.connect();
    let silent = false;
    try {
      return (await client.query<Record<string, unknown>>(sql, parameters)).rows;
    } catch (error) {
      silent = isReadTimeout(error);
      throw error;
    } finally {
      client.release(silent);
    }
  }

  close(): Promise<void> {
    return this.pool.end();
  }
}
