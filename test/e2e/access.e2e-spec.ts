import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ApiClient } from '../support/api-client.js';
import { TowerYard } from '../support/tower-process.js';

let yard: TowerYard;
beforeEach(async () => {
  yard = await TowerYard.open();
});
afterEach(() => yard.close());

const task = { type: 'test', payload: { script: 'true' }, options: { queue: 'parked' } };

describe('a tower without a key', () => {
  it('answers only under the names of this machine, so that no web page can reach it', async () => {
    const { api } = await yard.start();
    const { port } = new URL(api.url);
    for (const Host of [
      'evil.example',
      `evil.example:${port}`,
      '127.0.0.1.evil.example',
      'localhost.evil',
      '10.0.0.1',
    ]) {
      const answer = await api.raw({ path: '/status', headers: { Host } });
      expect({ Host, status: answer.status, code: answer.body.code }).toEqual({
        Host,
        status: 403,
        code: 'FOREIGN_HOST',
      });
      const body = JSON.stringify(task);
      const headers = { Host, 'Content-Type': 'application/json' };
      expect((await api.raw({ method: 'POST', path: '/tasks/enqueue', headers, body })).status).toBe(403);
    }
    for (const Host of ['localhost', `LOCALHOST:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`]) {
      expect((await api.raw({ path: '/status', headers: { Host } })).status).toBe(200);
    }
  });
});

describe('a tower with JCT_API_KEY_FILE', () => {
  it('makes a key that only its owner can read, asks for it, and takes it from nowhere but the header', async () => {
    const file = join(yard.folder, 'keys', 'api-key');
    const { api } = await yard.start({ JCT_API_KEY_FILE: file });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const key = (await readFile(file, 'utf8')).trim();
    expect(key).toMatch(/^jct_[A-Za-z0-9_-]{32,}$/);

    const wrong: Record<string, string>[] = [
      {},
      { Authorization: `Bearer ${key}x` },
      { Authorization: `Bearer ${key.slice(0, -1)}` },
      { Authorization: `Basic ${Buffer.from(`x:${key}`).toString('base64')}` },
      { Authorization: key },
      { Authorization: 'Bearer' },
      { 'X-Api-Key': key },
      { Cookie: `key=${key}` },
    ];
    const paths = [
      '/status',
      '/tasks',
      '/docs',
      '/openapi.json',
      '/nothing',
      `/status?api_key=${key}`,
      `/status?access_token=${key}`,
    ];
    for (const path of paths) {
      const answer = await api.get(path);
      expect({ path, status: answer.status, code: answer.body.code }).toEqual({
        path,
        status: 401,
        code: 'UNAUTHENTICATED',
      });
      expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
      expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    }
    for (const headers of wrong) expect((await api.enqueue(task, headers)).status).toBe(401);
    for (const path of ['/health', '/healthz', '/readyz', '/version'])
      expect((await api.get(path)).status).toBe(200);

    const caller = new ApiClient(api.url, { Authorization: `Bearer ${key}` });
    const id = await caller.accepted(task);
    expect((await caller.task(id)).requested_by).toBe('default');
    const foreign = await caller.raw({ path: '/status', headers: { Host: 'tower.example' } });
    expect(foreign.status).toBe(200);
  });

  it('keeps the key over a restart, never logs it, and gives two towers that start together one key', async () => {
    const file = join(yard.folder, 'api-key');
    const first = await Promise.all([
      yard.start({ JCT_API_KEY_FILE: file, JCT_ROLE: 'api' }),
      yard.start({ JCT_API_KEY_FILE: file, JCT_ROLE: 'api' }),
    ]);
    const key = (await readFile(file, 'utf8')).trim();
    await first[0].stop();
    const again = await yard.start({ JCT_API_KEY_FILE: file, JCT_ROLE: 'api' });
    for (const tower of [first[1], again]) {
      expect(
        (await new ApiClient(tower.api.url, { Authorization: `Bearer ${key}` }).get('/tasks')).status,
      ).toBe(200);
    }
    for (const tower of [...first, again]) expect(tower.log).not.toContain(key);
  });

  it('does not start with a file that holds no proper key', async () => {
    const file = join(yard.folder, 'api-key');
    await writeFile(file, 'secret\n');
    const tower = yard.spawn({ JCT_API_KEY_FILE: file });
    expect((await tower.ended).code).toBe(78);
    expect(tower.log).toContain('Remove the file to have a new key made');
    expect(tower.log).not.toContain('secret\n');
  });
});

describe('wrong settings', () => {
  it('end an open address without a key with exit code 78 and the remedy', async () => {
    for (const API_HOST of ['0.0.0.0', '::', 'tower.example']) {
      const tower = yard.spawn({ API_HOST });
      expect((await tower.ended).code).toBe(78);
      expect(tower.log).toContain('JCT_API_KEY_FILE');
    }
  });

  it('are all named at once, with exit code 78, and without their secrets', async () => {
    const tower = yard.spawn({
      API_PORT: '70000',
      LOG_LEVEL: 'loud',
      JCT_LEASE_SECONDS: '10',
      JCT_HEARTBEAT_SECONDS: '9',
      JCT_ROLE: 'boss',
      JCT_WORKER_QUEUES: 'a b',
      JCT_NO_SUCH_SETTING: '1',
    });
    expect((await tower.ended).code).toBe(78);
    const named = [
      'API_PORT',
      'LOG_LEVEL',
      'JCT_LEASE_SECONDS',
      'JCT_ROLE',
      'JCT_WORKER_QUEUES',
      'JCT_NO_SUCH_SETTING',
    ];
    for (const name of named) expect(tower.log).toContain(name);
  });

  it.each([
    ['DATABASE_URL', 'mysql://root:hunter2@localhost/x'],
    ['DATABASE_URL', 'sqlite://relative-without-third-slash'],
  ])('end a tower with %s=%s with exit code 78 and no password', async (name, value) => {
    const tower = yard.spawn({ [name]: value });
    expect((await tower.ended).code).toBe(78);
    expect(tower.log).toContain(name);
    expect(tower.log).not.toContain('hunter2');
  });

  it('end a tower whose policy file is broken with exit code 78, naming file and place', async () => {
    const file = join(yard.folder, 'policy.yaml');
    await writeFile(file, 'version: 1\ntypes: test\n');
    const tower = yard.spawn({ JCT_POLICY_FILE: file });
    expect((await tower.ended).code).toBe(78);
    expect(tower.log).toContain(file);
    expect(tower.log).toContain('types');
  });
});
