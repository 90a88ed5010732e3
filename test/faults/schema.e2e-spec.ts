import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { MIGRATIONS } from '../../migrations/migrations.js';
import { onBothDatabases, type TestDatabase } from '../support/databases.js';
import { towerDataSource } from '../support/tower-data-source.js';
import { TowerYard } from '../support/tower-process.js';

const PROCESSES = 10;

onBothDatabases('the schema of a database', (create) => {
  let database: TestDatabase;
  let yard: TowerYard;

  beforeEach(async () => {
    database = await create();
    yard = await TowerYard.open();
  });
  afterEach(async () => {
    await yard?.close();
    await database?.drop();
  });

  /** A process that has loaded everything and waits for the word. */
  const ready = async (): Promise<ChildProcess> => {
    const child = spawn(process.execPath, [resolve('test/support/migrate-once.mjs')], {
      cwd: yard.folder,
      env: { PATH: process.env['PATH'], DATABASE_URL: database.url },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    return child;
  };

  it('F27 is made by one of ten processes that begin at the same moment, and the others wait for it', async () => {
    const children = await Promise.all(Array.from({ length: PROCESSES }, ready));
    const ends = children.map(async (child) => {
      child.stdin!.write('go\n');
      const [said, [code]] = await Promise.all([text(child.stdout!), once(child, 'close')]);
      return { code: code as number, ran: JSON.parse(said || 'null') as string[] | null };
    });
    const ended = await Promise.all(ends);
    expect(ended.map(({ code }) => code)).toEqual(Array<number>(PROCESSES).fill(0));
    const ran = ended.map(({ ran }) => ran!).filter((names) => names.length > 0);
    expect(ran).toEqual([MIGRATIONS.map((Migration) => new Migration().name)]);
  });

  it('F27 that is newer than the program ends it with exit code 78 and the remedy, and stays as it is', async () => {
    const dataSource = await towerDataSource(database.url);
    await dataSource.query(
      `INSERT INTO migrations (timestamp, name) VALUES (9999999999999, 'FromTheFuture9999999999999')`,
    );
    const old = yard.spawn({ DATABASE_URL: database.url });
    expect(await old.ended).toEqual({ code: 78, signal: null });
    expect(old.log).toContain('migrated by a newer version of the tower (FromTheFuture9999999999999)');
    expect(old.log).toContain('Start that version, or restore a backup');
    expect(old.log).not.toMatch(/^\s+at /m);
    expect(await dataSource.query('SELECT id FROM tasks')).toEqual([]);
    await dataSource.destroy();
  });
});
