import { createHmac } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { newId } from '../../src/common/ids.js';
import { type Answer, ApiClient } from '../support/api-client.js';
import { DATABASES, type TestDatabase } from '../support/databases.js';
import { Tower } from '../support/tower.js';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const PUSH = JSON.stringify({
  ref: 'refs/heads/main',
  after: 'b'.repeat(40),
  repository: { full_name: 'acme/widgets' },
  head_commit: { message: 'Größer & schöner' },
});

describe('webhooks', () => {
  let database: TestDatabase;
  let folder: string;
  let tower: Tower;
  let api: ApiClient;
  let secret: string;

  beforeAll(async () => {
    database = await DATABASES[0].create();
    folder = await mkdtemp(join(tmpdir(), 'jct-webhooks-'));
    await mkdir(join(folder, 'senders'));
    await writeFile(join(folder, 'senders', 'ci-tower'), `${SECRET}\n`);
    tower = await Tower.start(database.url, {
      JCT_API_KEY_FILE: join(folder, 'key'),
      JCT_GITHUB_WEBHOOK_SECRET_FILE: join(folder, 'github'),
      JCT_INBOUND_WEBHOOK_SECRET_DIR: join(folder, 'senders'),
    });
    const key = (await readFile(join(folder, 'key'), 'utf8')).trim();
    api = new ApiClient(tower.url, { Authorization: `Bearer ${key}` });
    secret = (await readFile(join(folder, 'github'), 'utf8')).trim();
  });
  afterAll(async () => {
    await tower?.stop();
    await database?.drop();
    await rm(folder, { recursive: true, force: true });
  });

  const JSON_TYPE = { 'Content-Type': 'application/json' };
  /** A delivery as GitHub makes it: without a key, under the name of the tower in the internet. */
  const github = (
    body: string,
    headers: Record<string, string> = {},
    signedWith = secret,
    to = tower.url,
  ): Promise<Answer> =>
    new ApiClient(to).raw({
      method: 'POST',
      path: '/webhooks/github',
      body,
      headers: {
        ...JSON_TYPE,
        Host: 'tower.example.com',
        'X-GitHub-Event': 'push',
        'X-GitHub-Delivery': newId(),
        'X-Hub-Signature-256': `sha256=${createHmac('sha256', signedWith).update(body).digest('hex')}`,
        ...headers,
      },
    });
  const signed = (source: string, body: string, id = newId(), at = new Date()): Promise<Answer> =>
    new ApiClient(tower.url).raw({
      method: 'POST',
      path: `/webhooks/${source}`,
      body,
      headers: {
        ...JSON_TYPE,
        Host: 'tower.example.com',
        'webhook-id': id,
        'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
        'webhook-signature': new Webhook(SECRET).sign(id, at, body),
      },
    });
  /** Without what comes of the pushes meanwhile: the tower has workflows that react to them. */
  const count = async (): Promise<number> =>
    (await api.get('/events?limit=200')).body.filter(
      ({ caused_by: cause }: { caused_by: { kind: string } | null }) => cause?.kind === 'webhook',
    ).length;

  describe('of GitHub', () => {
    it('are taken with a signature instead of a key, and become events of this system', async () => {
      const answer = await github(PUSH, { 'X-GitHub-Delivery': 'delivery-1' });
      expect(answer).toMatchObject({ status: 200, body: { status: 'success' } });
      expect((await api.get(`/events/${answer.body.event_id}`)).body).toMatchObject({
        type: 'development.code_commit',
        source: 'github',
        dedup_id: 'delivery-1',
        caused_by: { kind: 'webhook', id: 'delivery-1' },
        actor: 'webhook:github',
        data: { repository: 'acme/widgets', branch: 'main', message: 'Größer & schöner' },
      });
    });

    it('are stored once, however often GitHub delivers them', async () => {
      const delivery = { 'X-GitHub-Delivery': 'delivery-twice' };
      const [first, again] = [await github(PUSH, delivery), await github(PUSH, delivery)];
      expect(again).toMatchObject({ status: 200, body: { event_id: first.body.event_id } });
      expect(again.headers.get('Idempotency-Replayed')).toBe('true');
    });

    it('keep the whole payload of an event that has no form of its own', async () => {
      const { body } = await github('{"zen":"Design for failure."}', { 'X-GitHub-Event': 'ping' });
      expect((await api.get(`/events/${body.event_id}`)).body).toMatchObject({
        type: 'github.ping',
        data: { payload: { zen: 'Design for failure.' } },
      });
    });

    it.each([
      ['with another secret', PUSH, {}, 'a'.repeat(32)],
      ['whose body was changed', `${PUSH} `, { 'X-Hub-Signature-256': `sha256=${'0'.repeat(64)}` }, ''],
      ['whose signature is no signature', PUSH, { 'X-Hub-Signature-256': 'sha256=' }, ''],
      ['signed with SHA-1', PUSH, { 'X-Hub-Signature-256': `sha1=${'0'.repeat(40)}` }, ''],
      ['without a body', '', {}, ''],
    ])('are refused %s, and nothing is stored', async (_what, body, headers, other) => {
      const before = await count();
      const answer = await github(body, headers, other || secret);
      expect(answer).toMatchObject({ status: 401, body: { code: 'WEBHOOK_SIGNATURE_INVALID' } });
      expect(await count()).toBe(before);
    });

    it('are refused without a signature', async () => {
      const headers = { ...JSON_TYPE, 'X-GitHub-Event': 'push', 'X-GitHub-Delivery': newId() };
      const client = new ApiClient(tower.url);
      const answer = await client.raw({ method: 'POST', path: '/webhooks/github', body: PUSH, headers });
      expect(answer).toMatchObject({ status: 401, body: { code: 'WEBHOOK_SIGNATURE_INVALID' } });
    });

    it('are refused without their names', async () => {
      const answer = await github(PUSH, { 'X-GitHub-Event': '../x' });
      expect(answer).toMatchObject({ status: 400, body: { code: 'MALFORMED_HEADER' } });
    });

    it('are verified with a secret that was made at first start, for its owner only', async () => {
      expect(secret).toMatch(/^[0-9a-f]{64}$/);
      expect((await stat(join(folder, 'github'))).mode & 0o777).toBe(0o600);
    });
  });

  describe('signed as Standard Webhooks describes', () => {
    it('become events under the name of their sender, once for each id', async () => {
      const body = JSON.stringify({ type: 'task.failed', timestamp: 'now', data: { a: 1 } });
      const [first, again] = [
        await signed('ci-tower', body, 'msg_1'),
        await signed('ci-tower', body, 'msg_1'),
      ];
      expect(again.body.event_id).toBe(first.body.event_id);
      expect((await api.get(`/events/${first.body.event_id}`)).body).toMatchObject({
        type: 'ci-tower.task.failed',
        source: 'webhook:ci-tower',
        data: { type: 'task.failed', timestamp: 'now', data: { a: 1 } },
        caused_by: { kind: 'webhook', id: 'msg_1' },
        actor: 'webhook:ci-tower',
      });
    });

    it('are called a message when they do not say what they are', async () => {
      const { body } = await signed('ci-tower', '{}');
      expect((await api.get(`/events/${body.event_id}`)).body.type).toBe('ci-tower.message');
    });

    it('are refused when they are old, or their type is no type', async () => {
      const old = new Date(Date.now() - 600_000);
      expect(await signed('ci-tower', '{}', newId(), old)).toMatchObject({
        status: 401,
        body: { code: 'WEBHOOK_SIGNATURE_INVALID' },
      });
      expect(await signed('ci-tower', '{"type":"a b"}')).toMatchObject({
        status: 422,
        body: { errors: [{ pointer: '/type', code: 'EVENT_TYPE' }] },
      });
    });

    it('are refused from who has no secret, or may not have one', async () => {
      for (const source of ['nobody', 'github2', '..%2fkey', 'CI-tower'])
        expect((await signed(source, '{}')).status).toBe(
          source === 'nobody' || source === 'github2' ? 403 : 401,
        );
      expect((await signed('nobody', '{}')).body).toMatchObject({ code: 'WEBHOOK_NOT_CONFIGURED' });
    });

    it('need no restart for a new sender', async () => {
      expect((await signed('late', '{}')).status).toBe(403);
      await writeFile(join(folder, 'senders', 'late'), SECRET);
      expect((await signed('late', '{}')).status).toBe(200);
    });
  });

  it('open no other door without the key', async () => {
    const stranger = new ApiClient(tower.url);
    for (const [method, path] of [
      ['GET', '/webhooks/github'],
      ['POST', '/webhooks/github/'],
      ['POST', '/WEBHOOKS/github'],
      ['POST', '/webhooks/../tasks/enqueue'],
      ['POST', '/webhooks/x/y'],
      ['POST', '/events'],
      ['GET', '/events/stream'],
    ] as const) {
      const headers = { ...JSON_TYPE, 'X-GitHub-Event': 'push' };
      const body = method === 'POST' ? '{}' : undefined;
      expect({ path, ...(await stranger.raw({ method, path, headers, body })) }).toMatchObject({
        path,
        status: 401,
        body: { code: 'UNAUTHENTICATED' },
      });
    }
  });

  it('are refused where no secret is configured, also from who signs with an empty one', async () => {
    const other = await DATABASES[0].create();
    const closed = await Tower.start(other.url);
    try {
      for (const key of ['', 'undefined', 'null'])
        expect(await github(PUSH, {}, key, closed.url)).toMatchObject({
          status: 403,
          body: {
            code: 'WEBHOOK_NOT_CONFIGURED',
            detail: expect.stringContaining('JCT_GITHUB_WEBHOOK_SECRET'),
          },
        });
      const answer = await closed.api.post('/webhooks/ci-tower', {});
      expect(answer).toMatchObject({ status: 403, body: { code: 'WEBHOOK_NOT_CONFIGURED' } });
      expect((await closed.api.get('/events?actor=x')).status).toBe(422);
    } finally {
      await closed.stop();
      await other.drop();
    }
  });

  it('do not let a tower start whose secret could be guessed', async () => {
    const other = await DATABASES[0].create();
    await expect(Tower.start(other.url, { JCT_GITHUB_WEBHOOK_SECRET: 'short' })).rejects.toThrow(
      'JCT_GITHUB_WEBHOOK_SECRET must hold at least 16 characters',
    );
    await other.drop();
  });
});
