import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DatabaseSync } from '@photostructure/sqlite';
import { DATABASES, type TestDatabase } from '../support/databases.js';
import { SHORT_LEASE } from '../support/fleet.js';
import { TowerYard } from '../support/tower-process.js';

const run = promisify(execFile);
const [sqlite, postgres] = DATABASES;

/** Takes a copy of a database that is in use. @returns puts it into an empty database */
type Backup = (from: string, folder: string) => Promise<(into: string) => Promise<unknown>>;

const vacuumInto: Backup = (from, folder) => {
  const copy = join(folder, 'backup.db');
  const path = (url: string): string => url.replace('sqlite:///', '');
  const database = new DatabaseSync(path(from), { timeout: 5_000 });
  database.exec(`VACUUM INTO '${copy}'`);
  database.close();
  return Promise.resolve((into) => cp(copy, path(into)));
};

const pgDump: Backup = async (from, folder) => {
  const copy = join(folder, 'tower.dump');
  await run('pg_dump', ['--format=custom', `--file=${copy}`, from]);
  return (into) => run('pg_restore', ['--clean', '--if-exists', `--dbname=${into}`, copy]);
};

const onPath = (program: string): boolean =>
  (process.env['PATH'] ?? '').split(':').some((folder) => existsSync(join(folder, program)));
const dumps = onPath('pg_dump') && onPath('pg_restore');

describe.each([
  { name: 'SQLite', create: sqlite.create, backup: vacuumInto, test: it },
  {
    name: `PostgreSQL${dumps ? '' : ' (skipped: pg_dump is not installed)'}`,
    create: postgres.create,
    backup: pgDump,
    test: dumps ? it : it.skip,
  },
])('a backup of a tower that works ($name)', ({ create, backup, test }) => {
  const databases: TestDatabase[] = [];
  const yards: TowerYard[] = [];

  beforeEach(async () => {
    databases.push(await create(), await create());
    yards.push(await TowerYard.open(), await TowerYard.open());
  });
  afterEach(async () => {
    for (const yard of yards.splice(0)) await yard.close();
    for (const database of databases.splice(0)) await database.drop();
  });

  test('is restored elsewhere: what had ended verifies, what waited runs, what ran is run again', async () => {
    const [original, copy] = databases;
    const [yard, elsewhere] = yards;
    const tower = await yard.start({ DATABASE_URL: original.url, ...SHORT_LEASE });
    const { api } = tower;
    const ended = (await api.run({ type: 'test', payload: { script: 'echo kept' } })).task_id as string;
    const waits = { type: 'test', payload: { script: 'true' }, options: { queue: 'later' } };
    const waiting = await api.accepted(waits);
    const script = 'echo "run $JCT_RUN"; [ "$JCT_RUN" != 1 ] || sleep 300';
    const running = await api.accepted({ type: 'test', payload: { script } });
    await api.logged(running, 'run 1');

    const restore = await backup(original.url, yard.folder);
    await cp(join(yard.folder, 'traces'), join(elsewhere.folder, 'traces'), { recursive: true });
    await cp(join(yard.folder, 'webhook-secret'), join(elsewhere.folder, 'webhook-secret'));
    await tower.kill();
    await restore(copy.url);

    const restored = await elsewhere.start({
      DATABASE_URL: copy.url,
      JCT_WORKER_QUEUES: 'default,later',
      ...SHORT_LEASE,
    });
    expect((await restored.api.get(`/tasks/${ended}/trace/verify`)).body).toMatchObject({
      ok: true,
      complete: true,
    });
    expect(await restored.api.ended(waiting)).toMatchObject({ status: 'completed', attempt: 1 });
    expect(await restored.api.ended(running)).toMatchObject({ status: 'completed', attempt: 2 });
    expect((await restored.stop()).code).toBe(0);
  });
});
