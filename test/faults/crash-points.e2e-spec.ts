import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import type { Answer, ApiClient } from '../support/api-client.js';
import { dyingAt } from '../support/crash-points.js';
import { onBothDatabases, type TestDatabase } from '../support/databases.js';
import { Fleet, QUICK_LEASE } from '../support/fleet.js';
import { towerDataSource } from '../support/tower-data-source.js';
import type { TowerProcess } from '../support/tower-process.js';
import { WebhookReceiver } from '../support/webhook-receiver.js';

/** The receiver of callbacks is on this machine. */
const SETTINGS = { ...QUICK_LEASE, JCT_ALLOW_PRIVATE_TARGETS: 'true' };
const KILLED = { code: null, signal: 'SIGKILL' };
const parked = (key: string): object => ({
  ...{ type: 'test', payload: { script: 'true' }, idempotency_key: key },
  options: { queue: 'parked' },
});

onBothDatabases('a process that dies', (create) => {
  let database: TestDatabase;
  let fleet: Fleet;
  let receiver: WebhookReceiver;
  let api: ApiClient;
  let workers: TowerProcess[] = [];

  beforeAll(async () => {
    database = await create();
    fleet = await Fleet.open(database.url, SETTINGS);
    receiver = await WebhookReceiver.listening();
    ({ api } = await fleet.api());
  });
  afterEach(async () => {
    await Promise.all(workers.map((worker) => worker.kill()));
    workers = [];
    receiver.received.length = 0;
  });
  afterAll(async () => {
    await fleet?.close();
    await receiver?.down();
    await database?.drop();
  });

  async function startWorker(environment: Record<string, string> = {}): Promise<TowerProcess> {
    const worker = await fleet.worker(environment);
    workers.push(worker);
    return worker;
  }

  const itemsOf = async (id: string, what: 'runs' | 'callbacks'): Promise<Answer['body'][]> =>
    (await api.get(`/tasks/${id}/${what}`)).body.items;
  const waiting = async (): Promise<number> => (await api.get('/tasks/stats')).body.by_status.queued ?? 0;
  const withCallback = (queue = 'default'): Promise<string> =>
    api.accepted({
      ...{ type: 'test', payload: { script: 'echo "run $JCT_RUN"' }, options: { queue } },
      callback_url: receiver.url,
    });

  /** The one callback of the task, once it is delivered. */
  async function delivered(id: string): Promise<Answer['body']> {
    for (;;) {
      const callbacks = await itemsOf(id, 'callbacks');
      expect(callbacks).toHaveLength(1);
      if (callbacks[0].status === 'delivered') return callbacks[0];
    }
  }

  it('F02 before it answers has made one task, or none, and one when the client has asked again under its key', async () => {
    const before = await waiting();
    const [unborn, unheard] = await Promise.all([
      fleet.api(dyingAt('before_insert')),
      fleet.api(dyingAt('after_insert')),
    ]);
    await expect(unborn.api.enqueue(parked('unborn'))).rejects.toThrow();
    expect(await unborn.ended).toEqual(KILLED);
    expect(await waiting()).toBe(before);
    await expect(unheard.api.enqueue(parked('unheard'))).rejects.toThrow();
    expect(await unheard.ended).toEqual(KILLED);
    expect(await waiting()).toBe(before + 1);

    expect((await api.enqueue(parked('unborn'))).status).toBe(201);
    expect((await api.enqueue(parked('unheard'))).status).toBe(200);
    expect(await waiting()).toBe(before + 2);
  });

  it('F02 in the middle of a batch has made each task once when the client has sent the batch again', async () => {
    const before = await waiting();
    const dying = await fleet.api(dyingAt('after_insert', 10));
    const tasks = Array.from({ length: 20 }, (_, index) => parked(`task ${index}`));
    await expect(dying.api.post('/tasks/enqueue/batch', { tasks })).rejects.toThrow();
    expect(await dying.ended).toEqual(KILLED);
    expect(await waiting()).toBe(before + 10);

    const { items } = (await api.post('/tasks/enqueue/batch', { tasks })).body;
    expect(items.map((item: Answer['body']) => item.status_code)).toEqual([
      ...Array(10).fill(200),
      ...Array(10).fill(201),
    ]);
    expect(await waiting()).toBe(before + 20);
  });

  it('F04 between the end of a command and the commit of its result has the task run again and end once', async () => {
    const points = ['before_settle', 'before_settle_commit'] as const;
    const dying = await Promise.all(
      points.map((point) => startWorker({ ...dyingAt(point), JCT_WORKER_QUEUES: point })),
    );
    const ids = await Promise.all(points.map(withCallback));
    for (const { ended } of dying) expect(await ended).toEqual(KILLED);
    for (const id of ids) expect(await api.task(id)).toMatchObject({ status: 'running', attempt: 1 });
    await startWorker({ JCT_WORKER_QUEUES: points.join() });

    for (const id of ids) {
      expect(await api.ended(id)).toMatchObject({ status: 'completed', attempt: 2, failure: null });
      expect(await itemsOf(id, 'runs')).toMatchObject([
        { number: 1, status: 'lost', trace_complete: false },
        { number: 2, status: 'completed', trace_complete: true },
      ]);
      expect((await api.get(`/tasks/${id}/trace/verify`)).body).toMatchObject({ ok: true, problems: [] });
      const { callback_id: callbackId } = await delivered(id);
      const [heard, ...more] = receiver.received.filter((webhook) => webhook.id === callbackId);
      expect(JSON.parse(heard.body).data).toMatchObject({ task_id: id, status: 'completed', attempt: 2 });
      expect(more).toEqual([]);
    }
    expect(receiver.received).toHaveLength(ids.length);
  }, 120_000);

  it('F05 after it has stored a result and before it tells the receiver leaves that to the next process', async () => {
    const dying = await startWorker(dyingAt('after_settle_commit'));
    const id = await withCallback();
    expect(await dying.ended).toEqual(KILLED);
    expect(await api.task(id)).toMatchObject({ status: 'completed', attempt: 1 });
    const [stored] = await itemsOf(id, 'callbacks');
    expect(stored).toMatchObject({ status: 'pending', attempt: 0 });
    expect(receiver.received).toEqual([]);

    await Promise.all([startWorker(), startWorker()]);
    expect(await delivered(id)).toMatchObject({ callback_id: stored.callback_id, attempt: 1 });
    expect(receiver.ids).toEqual([stored.callback_id]);
    expect(await itemsOf(id, 'runs')).toMatchObject([{ number: 1, status: 'completed' }]);
  }, 120_000);

  it('F06 after the receiver has answered and before that is recorded tells it again, under the same id', async () => {
    const dying = await startWorker(dyingAt('after_callback_answer'));
    const id = await withCallback();
    expect(await dying.ended).toEqual(KILLED);
    const [claimed] = await itemsOf(id, 'callbacks');
    expect(claimed).toMatchObject({ status: 'pending', attempt: 1, attempts: [] });

    await leaseOfCallbackRunsOut(id);
    await startWorker();
    expect(await delivered(id)).toMatchObject({ callback_id: claimed.callback_id, attempt: 2 });
    expect(receiver.ids).toEqual([claimed.callback_id, claimed.callback_id]);
    const webhook = new Webhook((await readFile(join(fleet.folder, 'webhook-secret'), 'utf8')).trim());
    for (const { body, headers } of receiver.received) {
      expect(webhook.verify(body, headers as Record<string, string>)).toMatchObject({
        type: 'task.completed',
        data: { task_id: id, status: 'completed' },
      });
    }
    expect(receiver.received[1].body).toBe(receiver.received[0].body);
  }, 120_000);

  /** Without waiting for its minute; test/faults/long waits. */
  async function leaseOfCallbackRunsOut(taskId: string): Promise<void> {
    const dataSource = await towerDataSource(database.url, false);
    await dataSource.query(
      `UPDATE callbacks SET next_attempt_at = '2000-01-01 00:00:00' WHERE task_id = '${taskId}'`,
    );
    await dataSource.destroy();
  }
});
