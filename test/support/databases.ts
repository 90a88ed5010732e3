import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from '@jest/globals';
import pg from 'pg';

/** A fresh, empty database of one kind, gone after `drop()`. */
export interface TestDatabase {
  url: string;
  drop(): Promise<void>;
}

async function sqliteDatabase(): Promise<TestDatabase> {
  const folder = await mkdtemp(join(tmpdir(), 'jct-test-db-'));
  return {
    url: `sqlite:///${join(folder, 'tower.db')}`,
    drop: () => rm(folder, { recursive: true, force: true }),
  };
}

async function postgresDatabase(): Promise<TestDatabase> {
  const server = process.env['TEST_DATABASE_URL']!;
  const name = `jct_test_${randomBytes(6).toString('hex')}`;
  await onServer(server, `CREATE DATABASE ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => onServer(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) };
}

async function onServer(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

export const DATABASES = [
  { name: 'SQLite', create: sqliteDatabase },
  { name: 'PostgreSQL', create: postgresDatabase },
] as const;

export type DatabaseName = (typeof DATABASES)[number]['name'];

/** The same suite on SQLite and on a real PostgreSQL: what is stored must behave alike on both. */
export function onBothDatabases(
  title: string,
  suite: (create: () => Promise<TestDatabase>, name: DatabaseName) => void,
): void {
  for (const { name, create } of DATABASES) describe(`${title} (${name})`, () => suite(create, name));
}
