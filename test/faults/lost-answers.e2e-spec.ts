import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ApiClient } from '../support/api-client.js';
import { DATABASES, type TestDatabase } from '../support/databases.js';
import { Fleet } from '../support/fleet.js';
import { PostgresProxy } from '../support/postgres-proxy.js';
import type { TowerProcess } from '../support/tower-process.js';
import { WebhookReceiver } from '../support/webhook-receiver.js';

const postgres = DATABASES.find(({ name }) => name === 'PostgreSQL')!;
const QUICK = { type: 'test', payload: { script: 'true' } };

describe('a PostgreSQL that commits, and whose answer is lost with the connection', () => {
  let database: TestDatabase;
  let proxy: PostgresProxy;
  let fleet: Fleet;
  let tower: TowerProcess;
  let api: ApiClient;
  let receiver: WebhookReceiver;

  beforeEach(async () => {
    database = await postgres.create();
    proxy = await PostgresProxy.before(database.url);
    receiver = await WebhookReceiver.listening();
    fleet = await Fleet.open(proxy.url, { JCT_SANDBOX: 'process', JCT_ALLOW_PRIVATE_TARGETS: 'true' });
    tower = await fleet.api({ JCT_ROLE: 'all' });
    ({ api } = tower);
  });
  afterEach(async () => {
    await fleet?.close();
    await proxy?.close();
    await receiver?.down();
    await database?.drop();
  });

  it.each([
    { what: 'a statement of its own', options: {}, texts: ['INSERT INTO tasks'] },
    {
      what: 'a transaction',
      options: { concurrency_key: 'k' },
      texts: ['INSERT INTO tasks', 'COMMIT'],
    },
  ])('F21 has one task of a client that asks again under its key ($what)', async ({ options, texts }) => {
    const task = { ...QUICK, options, idempotency_key: 'once' };
    const lost = proxy.loseAnswerTo(...texts);
    const first = await api.enqueue(task);
    await lost;
    expect(first).toMatchObject({ status: 503, body: { code: 'UNAVAILABLE' } });
    expect(first.headers.get('retry-after')).not.toBeNull();
    const again = await api.enqueue(task);
    expect(again.status).toBe(200);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect((await api.get('/tasks')).body.items).toMatchObject([{ task_id: again.body.task_id }]);
    expect(await api.ended(again.body.task_id)).toMatchObject({ status: 'completed', attempt: 1 });
  });

  it('F21 has one end of a run, one callback, and takes nothing for a late result', async () => {
    const lost = proxy.loseAnswerTo('INSERT INTO task_runs', 'COMMIT');
    const id = await api.accepted({ ...QUICK, callback_url: receiver.url });
    await lost;
    await receiver.until(1);
    expect(await api.ended(id)).toMatchObject({ status: 'completed', attempt: 1 });
    const { items } = (await api.get(`/tasks/${id}/runs`)).body;
    expect(items).toMatchObject([{ status: 'completed', late_result: null }]);
    expect((await api.get('/tasks/stats')).body.late_results).toBe(0);
    expect((await api.get(`/tasks/${id}/callbacks`)).body.items).toHaveLength(1);
    // The worker has found out by itself, and goes on.
    expect(await api.run(QUICK)).toMatchObject({ status: 'completed', attempt: 1 });
    expect(receiver.received).toHaveLength(1);
    const said = tower.lines().map(({ message }) => message);
    expect(said).toContainEqual(expect.stringContaining('could not be settled'));
    expect(said).not.toContainEqual(expect.stringContaining('dropped'));
    expect(said).not.toContainEqual(expect.stringContaining('could not be stored'));
  });
});
