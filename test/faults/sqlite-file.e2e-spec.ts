import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SqliteConnection } from '../../src/database/sqlite-connection.js';
import type { Answer } from '../support/api-client.js';
import { towerEnvironment } from '../support/tower-environment.js';
import { type TowerProcess, TowerYard } from '../support/tower-process.js';

const QUICK = { type: 'test', payload: { script: 'true' } };
const MAIN = resolve('dist/src/main.js');

/** Root may write into whatever is read-only, so there the tower is nobody. */
const user = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
const readable = spawnSync(process.execPath, ['-e', `fs.readFileSync(${JSON.stringify(MAIN)})`], user);
const asUser = readable.status === 0 ? it : it.skip;
const skipped = readable.status === 0 ? '' : ' (skipped: this folder is closed to the user nobody)';

let yard: TowerYard;
let path: string;
let environment: Record<string, string>;

beforeEach(async () => {
  yard = await TowerYard.open();
  if (user.uid !== undefined) chownSync(yard.folder, user.uid, user.gid);
  path = join(yard.folder, 'tower.db');
  environment = { DATABASE_URL: `sqlite:///${path}`, JCT_SANDBOX: 'process' };
});
afterEach(() => yard?.close());

/** A file with the tower's tables and one task, closed. */
async function made(): Promise<void> {
  const tower = await yard.start(environment);
  await tower.api.run(QUICK);
  await tower.stop();
}

/** A tower that is not to start ends with 78 and one line that names the file and says what to do. */
async function refuses(why: RegExp): Promise<void> {
  const tower = yard.spawn(environment);
  expect(await tower.ended).toEqual({ code: 78, signal: null });
  expectTold(tower.log, why);
}

function expectTold(log: string, why: RegExp): void {
  expect(log).toMatch(why);
  expect(log).toContain(path);
  expect(log).not.toMatch(/^\s+at /m);
}

describe('a SQLite file that cannot be used ends the tower at its start with exit code 78:', () => {
  it('F26 one that is something else, and stays as it is', async () => {
    const text = 'not a database at all\n'.repeat(500);
    writeFileSync(path, text);
    await refuses(/is damaged, or is no SQLite database\. Restore a backup/);
    expect(readFileSync(path, 'utf8')).toBe(text);
  });

  it('F26 one that is gone while its -wal is there, and makes no other in its place', async () => {
    await made();
    rmSync(path);
    writeFileSync(`${path}-wal`, 'what was committed last');
    await refuses(/is gone, but \S+-wal, .* is still there\. Put the file back/);
    expect(existsSync(path)).toBe(false);
    expect(readFileSync(`${path}-wal`, 'utf8')).toBe('what was committed last');
  });

  asUser(`F26 one that is read-only${skipped}`, async () => {
    await made();
    const before = readFileSync(path);
    chmodSync(path, 0o444);
    chmodSync(yard.folder, 0o555);
    const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN], {
      ...user,
      cwd: yard.folder,
      env: { PATH: process.env['PATH'], ...towerEnvironment(yard.folder, environment) },
      encoding: 'utf8',
    });
    chmodSync(yard.folder, 0o755);
    expectTold(stdout + stderr, /(is read-only|cannot be opened)\. Make the file and its folder writable/);
    expect(status).toBe(78);
    expect(readFileSync(path)).toEqual(before);
  });
});

describe('a SQLite file that fails a tower that runs', () => {
  const expectUnavailable = ({ status, headers }: Answer): void => {
    expect(status).toBe(503);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
  };
  const isUnavailable = async ({ api }: TowerProcess): Promise<void> => {
    expectUnavailable(await api.enqueue(QUICK));
    expectUnavailable(await api.enqueue({ ...QUICK, options: { concurrency_key: 'k' } }));
    expectUnavailable(await api.get('/tasks'));
    expect((await api.get('/healthz')).status).toBe(200);
  };

  it('F26 since it was deleted: 503, and no empty database in its place', async () => {
    const tower = await yard.start(environment);
    await tower.api.run(QUICK);
    rmSync(path);
    await isUnavailable(tower);
    expect((await tower.api.get('/readyz')).status).toBe(503);
    expect(existsSync(path)).toBe(false);
    expect((await tower.stop()).code).toBe(0);
    expect(existsSync(path)).toBe(false);
  });

  it('F26 since another one was put into its place: 503, and the other one stays as it is', async () => {
    const tower = await yard.start(environment);
    await tower.api.run(QUICK);
    rmSync(path);
    writeFileSync(path, 'a backup');
    await isUnavailable(tower);
    expect((await tower.stop()).code).toBe(0);
    expect(readFileSync(path, 'utf8')).toBe('a backup');
  });

  it('F26 since a page of it was overwritten: 503', async () => {
    await made();
    const connection = new SqliteConnection(path);
    const [{ rootpage }] = connection
      .prepare(`SELECT rootpage FROM sqlite_master WHERE name = 'tasks'`)
      .all();
    const [{ page_size: bytes }] = connection.pragma('page_size');
    connection.close();
    const file = openSync(path, 'r+');
    writeSync(
      file,
      Buffer.alloc(Number(bytes), 0xee),
      0,
      Number(bytes),
      (Number(rootpage) - 1) * Number(bytes),
    );
    closeSync(file);
    await isUnavailable(await yard.start(environment));
  });
});
