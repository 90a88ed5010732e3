import pg from 'pg';
import { type Broker, type BrokerConnection, reasonOf } from './broker.js';

const CHANNEL = 'jct_signals';

/**
 * LISTEN/NOTIFY of the database itself: a channel of each database. One connection of its own, outside the pool, so that
 * hints never wait for queries nor queries for hints.
 */
export class PostgresBroker implements Broker {
  readonly name = 'PostgreSQL (DATABASE_URL)';

  constructor(private readonly url: string) {}

  async connect(received: (message: string) => void): Promise<BrokerConnection> {
    const client = new pg.Client({
      connectionString: this.url,
      application_name: 'control-tower-signals',
      connectionTimeoutMillis: 5_000,
      query_timeout: 5_000,
      keepAlive: true,
    });
    const ended = new Promise<string>((resolve) => {
      client.on('error', (error) => resolve(reasonOf(error)));
      client.on('end', () => resolve('the connection was closed'));
    });
    client.on('notification', ({ payload = '' }) => received(payload));
    try {
      await client.connect();
      // NOTIFY holds a lock of the whole server while it commits: without the flush to disk, that is microseconds.
      await client.query(`SET synchronous_commit = off; LISTEN ${CHANNEL}`);
    } catch (error) {
      void client.end();
      throw error;
    }
    return {
      ended,
      publish: async (message) => void (await client.query('SELECT pg_notify($1, $2)', [CHANNEL, message])),
      close: () => client.end(),
    };
  }
}
