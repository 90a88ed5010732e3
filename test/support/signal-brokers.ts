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

/** A Redis, beside a PostgreSQL whose LISTEN/NOTIFY is then not used. */
export async function redisBroker(): Promise<TestBroker> {
  const database = await postgres.create();
  const named = process.env['TEST_REDIS_URL'];
  const { url, cut, restore, remove } = named === undefined ? await privateRedis() : namedRedis(named);
  return {
    environment: { DATABASE_URL: database.url, REDIS_URL: url },
    cut,
    restore,
    publish: async (text) => {
      const stranger = await createClient({ url }).connect();
      await stranger.publish('jct_signals', text);
      await stranger.close();
    },
    remove: async () => {
      await remove();
      await database.drop();
    },
  };
}

/** Why there is no Redis to test with; null when there is. */
export function redisMissing(): string | null {
  return process.env['TEST_REDIS_URL'] === undefined ? RedisServer.missing() : null;
}

async function privateRedis() {
  const server = await RedisServer.start();
  return {
    url: server.url,
    cut: () => server.kill(),
    restore: () => server.up(),
    remove: () => server.kill(),
  };
}

/** The server that somebody named stays up; only the connections of towers are cut. */
function namedRedis(url: string) {
  const cut = async (): Promise<void> => {
    const stranger = await createClient({ url }).connect();
    const clients = (await stranger.clientList()).filter(({ name }) => name === 'control-tower-signals');
    for (const { id } of clients) await stranger.sendCommand(['CLIENT', 'KILL', 'ID', String(id)]);
    await stranger.close();
  };
  return { url, cut, restore: () => Promise.resolve(), remove: () => Promise.resolve() };
}
