import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { isDatabaseUnavailable } from '../../src/database/database-errors.js';
import type { PortableDataSource } from '../../src/database/portable-data-source.js';
import { execute } from '../../src/database/statements.js';
import { DATABASES, type TestDatabase } from '../support/databases.js';
import { towerDataSource } from '../support/tower-data-source.js';

const postgres = DATABASES.find(({ name }) => name === 'PostgreSQL')!;

/** Resolves for everybody when `count` have come; who comes later is not held up. */
function meeting(count: number): () => Promise<void> {
  let come = 0;
  let open: () => void;
  const all = new Promise<void>((resolve) => (open = resolve));
  return () => {
    come += 1;
    if (come === count) open();
    return all;
  };
}

describe('two transactions of which PostgreSQL takes one back', () => {
  let database: TestDatabase;
  let dataSource: PortableDataSource;

  beforeEach(async () => {
    database = await postgres.create();
    dataSource = await towerDataSource(database.url);
    await dataSource.query('CREATE TABLE balances (name varchar(1) PRIMARY KEY, amount integer NOT NULL)');
    await dataSource.query(`INSERT INTO balances VALUES ('a', 0), ('b', 0)`);
  });
  afterEach(async () => {
    await dataSource?.destroy();
    await database?.drop();
  });

  const add = (name: string) => `UPDATE balances SET amount = amount + 1 WHERE name = '${name}'`;
  const amounts = async (): Promise<number[]> => {
    const rows = await dataSource.query<{ amount: number }[]>('SELECT amount FROM balances ORDER BY name');
    return rows.map(({ amount }) => amount);
  };

  it('F23 both happen, once, after a deadlock', async () => {
    const bothHoldOne = meeting(2);
    let attempts = 0;
    const transfer = (first: string, second: string): Promise<void> =>
      dataSource.transaction(async (manager) => {
        attempts += 1;
        await execute(manager, add(first));
        await bothHoldOne();
        await execute(manager, add(second));
      });
    await Promise.all([transfer('a', 'b'), transfer('b', 'a')]);
    expect(attempts).toBe(3);
    expect(await amounts()).toEqual([2, 2]);
  });

  it('F23 both happen, once, when they cannot be serialized', async () => {
    const bothHaveRead = meeting(2);
    let attempts = 0;
    const raise = (): Promise<void> =>
      dataSource.transaction('SERIALIZABLE', async (manager) => {
        attempts += 1;
        const { rows } = await execute(manager, `SELECT sum(amount)::int AS sum FROM balances`);
        await bothHaveRead();
        await execute(manager, `UPDATE balances SET amount = $1 WHERE name = 'a'`, [
          Number(rows[0]['sum']) + 1,
        ]);
      });
    await Promise.all([raise(), raise()]);
    expect(attempts).toBe(3);
    expect(await amounts()).toEqual([2, 0]);
  });

  it.each(['40001', '40P01'])('F23 are given up after three retries, for now (%s)', async (code) => {
    await dataSource.query('CREATE SEQUENCE attempts');
    await dataSource.query(
      `CREATE FUNCTION conflict() RETURNS void LANGUAGE plpgsql AS
       $$ BEGIN PERFORM nextval('attempts'); RAISE EXCEPTION 'taken back' USING ERRCODE = '${code}'; END $$`,
    );
    const attempts = async (): Promise<number> =>
      (await dataSource.query<[{ last_value: number }]>('SELECT last_value FROM attempts'))[0].last_value;
    const failed = await dataSource
      .transaction((manager) => execute(manager, 'SELECT conflict()'))
      .catch((error: unknown) => error);
    expect(isDatabaseUnavailable(failed)).toBe(true);
    expect(await attempts()).toBe(4);
    // A statement of its own is one, too.
    await expect(execute(dataSource.manager, 'SELECT conflict()')).rejects.toThrow('taken back');
    expect(await attempts()).toBe(8);
  });
});
