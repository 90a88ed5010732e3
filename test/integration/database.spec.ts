import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { PortableDataSource } from '../../src/database/portable-data-source.js';
import { migrateSchema, SchemaError } from '../../src/database/migrate-schema.js';
import { execute } from '../../src/database/statements.js';
import { onBothDatabases, type TestDatabase } from '../support/databases.js';
import { towerDataSource } from '../support/tower-data-source.js';

onBothDatabases('database', (create, name) => {
  let database: TestDatabase;
  const open: PortableDataSource[] = [];
  const connect = async (migrate = true): Promise<PortableDataSource> => {
    const dataSource = await towerDataSource(database.url, migrate);
    open.push(dataSource);
    return dataSource;
  };

  beforeEach(async () => {
    database = await create();
  });
  afterEach(async () => {
    for (const dataSource of open.splice(0)) await dataSource.destroy();
    await database.drop();
  });

  it('has migrations that make exactly the schema of the entities', async () => {
    const dataSource = await connect();
    const drift = await dataSource.driver.createSchemaBuilder().log();
    expect(drift.upQueries.map(({ query }) => query)).toEqual([]);
  });

  it('F27 refuses a schema that a newer version made', async () => {
    const dataSource = await connect();
    await dataSource.query(
      `INSERT INTO migrations (timestamp, name) VALUES (9999999999999, 'FromTheFuture9999999999999')`,
    );
    await expect(migrateSchema(dataSource)).rejects.toThrow(SchemaError);
  });

  it('F25 keeps concurrent transactions apart: a rollback takes nothing of another caller with it', async () => {
    const dataSource = await connect();
    await dataSource.query('CREATE TABLE letters (letter varchar(1))');
    const insert = (letter: string) => `INSERT INTO letters VALUES ('${letter}')`;
    const doomed = dataSource.transaction(async (manager) => {
      await manager.query(insert('a'));
      await new Promise(setImmediate);
      throw new Error('rolled back on purpose');
    });
    const [failed] = await Promise.allSettled([
      doomed,
      dataSource.transaction(async (manager) => {
        await manager.query(insert('b'));
        await new Promise(setImmediate);
        await manager.query(insert('c'));
      }),
      dataSource.query(insert('d')),
    ]);
    expect(failed.status).toBe('rejected');
    const letters = await dataSource.query<{ letter: string }[]>(
      'SELECT letter FROM letters ORDER BY letter',
    );
    expect(letters.map(({ letter }) => letter)).toEqual(['b', 'c', 'd']);
  });

  it('F25 lets a failed statement inside a transaction roll back without blocking later callers', async () => {
    const dataSource = await connect();
    await expect(
      dataSource.transaction((manager) => manager.query('INSERT INTO nowhere VALUES (1)')),
    ).rejects.toThrow();
    await expect(dataSource.query('SELECT 1')).resolves.toHaveLength(1);
  });

  it('binds numbered parameters in any order, repeated, and dates in UTC', async () => {
    const dataSource = await connect();
    const at = new Date('2026-11-22T01:02:03.456Z');
    await dataSource.query(
      `INSERT INTO workers (id, host, pid, queues, types, slots, busy, started_at, heartbeat_at)
      VALUES ($2, $1, 1, '[]', '[]', 1, 0, $3, $3)`,
      ['host', 'id', at],
    );
    const { rows } = await execute(dataSource.manager, 'SELECT id, host FROM workers WHERE started_at = $1', [
      at,
    ]);
    expect(rows).toEqual([{ id: 'id', host: 'host' }]);
  });

  it('answers RETURNING with the rows and their number', async () => {
    const dataSource = await connect();
    await dataSource.query('CREATE TABLE numbers (number integer)');
    const inserted = await execute(
      dataSource.manager,
      'INSERT INTO numbers VALUES ($1), ($2) RETURNING number',
      [1, 2],
    );
    expect(inserted).toEqual({ rows: [{ number: 1 }, { number: 2 }], affected: 2 });
    const changed = await execute(dataSource.manager, 'UPDATE numbers SET number = number + 1', []);
    expect(changed.affected).toBe(2);
  });

  // On SQLite a waiting connection blocks its process, so there test/faults starts real processes together.
  if (name === 'PostgreSQL') {
    it('F27 migrates once when ten processes start together', async () => {
      const starting = await Promise.all(Array.from({ length: 10 }, () => connect(false)));
      const ran = await Promise.all(starting.map((dataSource) => migrateSchema(dataSource)));
      expect(ran.filter((names) => names.length > 0)).toHaveLength(1);
    });
  }

  if (name === 'SQLite') {
    it('runs SQLite in WAL mode with synchronous=FULL', async () => {
      const dataSource = await connect();
      expect(await dataSource.query('PRAGMA journal_mode')).toEqual([{ journal_mode: 'wal' }]);
      expect(await dataSource.query('PRAGMA synchronous')).toEqual([{ synchronous: 2 }]);
    });
  }
});
