import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { isDatabaseUnavailable } from '../../src/database/database-errors.js';
import type { PortableDataSource } from '../../src/database/portable-data-source.js';
import { DATABASES, type TestDatabase } from '../support/databases.js';
import { PostgresProxy } from '../support/postgres-proxy.js';
import { towerDataSource } from '../support/tower-data-source.js';

const postgres = DATABASES.find(({ name }) => name === 'PostgreSQL')!;

describe('a connection to PostgreSQL', () => {
  let database: TestDatabase;
  let proxy: PostgresProxy;
  let dataSource: PortableDataSource;

  beforeEach(async () => {
    database = await postgres.create();
    proxy = await PostgresProxy.before(database.url);
    dataSource = await towerDataSource(proxy.url, false);
  });
  afterEach(async () => {
    await dataSource?.destroy();
    await proxy?.close();
    await database?.drop();
  });

  it('F18 that the server ends in the packet that completes it fails its query, and ends no process', async () => {
    proxy.breaking = true;
    const pause = 'SELECT pg_sleep(0.2)';
    // More than idle ones: new connections are made.
    const asked = await Promise.allSettled(Array.from({ length: 6 }, () => dataSource.query(pause)));
    const errors = asked.flatMap((each) => (each.status === 'rejected' ? [each.reason as Error] : []));
    expect(errors.length).toBeGreaterThan(0);
    expect(errors.filter((error) => !isDatabaseUnavailable(error))).toEqual([]);
    proxy.breaking = false;
    expect(await dataSource.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });
});
