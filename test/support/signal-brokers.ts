import { createClient } from '@redis/client';
import pg from 'pg';
import { DATABASES } from './databases.js';
import { RedisServer } from './redis-server.js';

/** A real broker of hints, and what can happen to it. */
export interface TestBroker {
  /** Settings that make a tower use it. */
  environment: Record<string, string>;
  /** Ends every connection without a word. */
  cut(): Promise<void>;
  /** Lets towers connect again. */
  restore(): Promise<void>;
  /** Publishes a text as a stranger would. */
  publish(text: string): Promise<void>;
  remove(): Promise<void>;
}

const postgres = DATABASES.find(({ name }) => name === 'PostgreSQL')!;

/** A database of its own, which is a channel of its own. */
export async function postgresBroker(): Promise<TestBroker> {
  const database = await postgres.create();
  const stranger = new pg.Client({ connectionString: database.url });
  await stranger.connect();
  return {
    environment: { DATABASE_URL: database.url },
    cut: async () => {
      await stranger.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND application_name = 'control-tower-signals'`,
      );
    },
    restore: () => Promise.resolve(),
    publish: async (text) => void (await stranger.query(`SELECT pg_notify('jct_signals', $1)`, [text])),
    remove: async () => {
      await stranger.end();
      await database.drop();
    },
  };
}

/** A Redis of its own, beside a PostgreSQL whose LISTEN/NOTIFY is then not used. */
export async function redisBroker(): Promise<TestBroker> {
  const database = await postgres.create();
  const server = await RedisServer.start();
  return {
    environment: { DATABASE_URL: database.url, REDIS_URL: server.url },
    cut: () => server.kill(),
    restore: () => server.up(),
    publish: async (text) => {
      const stranger = await createClient({ url: server.url }).connect();
      await stranger.publish('jct_signals', text);
      await stranger.close();
    },
    remove: async () => {
      await server.kill();
      await database.drop();
    },
  };
}
