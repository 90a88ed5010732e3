import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { CallbackDelivery } from '../../src/callbacks/callback-delivery.js';
import { CallbackQueue } from '../../src/callbacks/callback-queue.js';
import { CallbacksService } from '../../src/callbacks/callbacks.service.js';
import { WebhookSigner } from '../../src/callbacks/webhook-signer.js';
import { Clock } from '../../src/common/clock.js';
import { readSettings } from '../../src/config/settings.js';
import { sqlClock } from '../../src/database/statements.js';
import { OutboundClient } from '../../src/outbound/outbound-client.js';
import { OutboundGuard } from '../../src/outbound/outbound-guard.js';
import { Resolver } from '../../src/outbound/resolver.js';
import { Signals } from '../../src/signals/signals.js';
import { CallbackEntity } from '../../src/tasks/callback.entity.js';
import { insertCallback } from '../../src/tasks/queue/callback-outbox.js';
import type { Ending } from '../../src/tasks/queue/ending.js';
import { TaskControl } from '../../src/tasks/queue/task-control.js';
import { TaskQueue } from '../../src/tasks/queue/task-queue.js';
import { TaskUpkeep } from '../../src/tasks/queue/task-upkeep.js';
import { TaskEntity } from '../../src/tasks/task.entity.js';
import { onBothDatabases, type TestDatabase } from '../support/databases.js';
import { newTask } from '../support/new-task.js';
import { towerDataSource } from '../support/tower-data-source.js';
import { WebhookReceiver } from '../support/webhook-receiver.js';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const COMPLETED: Ending = { status: 'completed', result: {} };
const FAILED: Ending = {
  status: 'failed',
  failure: { reason: 'exit_code', message: 'Exit code 1.' },
  result: null,
};
const NEVER = new AbortController().signal;

/** What one process has, over its own connection to the database. */
async function towerProcess(databaseUrl: string, env: Record<string, string> = {}) {
  const settings = readSettings({
    DATABASE_URL: databaseUrl,
    JCT_ALLOW_PRIVATE_TARGETS: 'true',
    JCT_WEBHOOK_SECRET: SECRET,
    ...env,
  });
  const dataSource = await towerDataSource(databaseUrl);
  const signals = new Signals();
  const tasks = new TaskQueue(dataSource, signals);
  const callbacks = new CallbackQueue(dataSource, signals);
  const signer = new WebhookSigner(settings);
  const client = new OutboundClient(new OutboundGuard(settings, new Resolver()));
  const delivery = new CallbackDelivery(new Clock(), signer, client, callbacks);
  return {
    dataSource,
    tasks,
    callbacks,
    delivery,
    control: new TaskControl(dataSource, signals),
    upkeep: new TaskUpkeep(dataSource, tasks, signals),
    service: new CallbacksService(signer, callbacks, delivery, signals),
    stored: () => dataSource.manager.find(CallbackEntity, { order: { id: 'ASC' } }),
    /** What waits for its next attempt, and what an attempt of a dead process holds, is due now. */
    makeDue: () =>
      dataSource.query(
        `UPDATE callbacks SET next_attempt_at = '2000-01-01 00:00:00' WHERE status = 'pending'`,
      ),
  };
}
type TowerProcess = Awaited<ReturnType<typeof towerProcess>>;

onBothDatabases('callbacks', (create) => {
  let database: TestDatabase;
  let tower: TowerProcess;
  let receiver: WebhookReceiver;
  const processes: TowerProcess[] = [];
  const receivers: WebhookReceiver[] = [];

  async function startProcess(env?: Record<string, string>): Promise<TowerProcess> {
    const process = await towerProcess(database.url, env);
    processes.push(process);
    return process;
  }

  async function startReceiver(): Promise<WebhookReceiver> {
    const started = await WebhookReceiver.listening();
    receivers.push(started);
    return started;
  }

  beforeEach(async () => {
    database = await create();
    tower = await startProcess();
    receiver = await startReceiver();
  });
  afterEach(async () => {
    for (const each of receivers.splice(0)) await each.down();
    for (const { service, dataSource } of processes.splice(0)) {
      await service.stop();
      if (dataSource.isInitialized) await dataSource.destroy();
    }
    await database.drop();
  });

  async function handIn(changes: Partial<TaskEntity> = {}): Promise<string> {
    const task = newTask({ callbackUrl: receiver.url, ...changes });
    await tower.control.insert(task);
    return task.id;
  }

  async function claim(): Promise<TaskEntity & { runId: string }> {
    const claimant = { workerId: 'w', queue: 'default', types: ['test'], leaseSeconds: 60 };
    return (await tower.tasks.claim(claimant, 1))[0];
  }

  /** A task that has ended, and so has a callback that is due. */
  async function endOne(ending: Ending = COMPLETED, changes: Partial<TaskEntity> = {}): Promise<TaskEntity> {
    await handIn(changes);
    const settled = await tower.tasks.settle((await claim()).runId, ending, null);
    if (!settled.kept) throw new Error('the lease was lost');
    return settled.task;
  }

  async function attemptOnce(by = tower): Promise<CallbackEntity> {
    const claimed = await by.callbacks.claim([]);
    await by.delivery.deliver(claimed!, NEVER);
    return (await by.callbacks.find(claimed!.id))!;
  }

  it('are written once for each end of a task: completed, failed, cancelled, expired, and again after a retry', async () => {
    await endOne(COMPLETED);
    const failed = await endOne(FAILED);
    await tower.control.cancel(await handIn(), 'Cancelled.');
    const past = new Date(Date.now() - 1_000);
    await handIn({ expiresAt: past });
    expect(await tower.upkeep.failExpired()).toBe(1);
    expect(await tower.upkeep.failExpired()).toBe(0);
    await tower.control.retry(failed.id, {});
    await tower.tasks.settle((await claim()).runId, FAILED, null);
    const stored = await tower.stored();
    expect(stored.map(({ event }) => event)).toEqual([
      'task.completed',
      'task.failed',
      'task.cancelled',
      'task.failed',
      'task.failed',
    ]);
    expect(stored.filter(({ taskId }) => taskId === failed.id).map(({ body }) => JSON.parse(body))).toEqual([
      expect.objectContaining({ data: expect.objectContaining({ attempt: 1 }) }),
      expect.objectContaining({ data: expect.objectContaining({ attempt: 2 }) }),
    ]);
  });

  it('are written when a run that would be tried again was asked to cancel, and when it is lost for good', async () => {
    const id = await handIn({ maxAttempts: 2 });
    const { runId } = await claim();
    await tower.control.cancel(id, 'Cancelled.');
    expect(await tower.stored()).toEqual([]);
    const failure = { reason: 'exit_code', message: 'Exit code 1.' } as const;
    await tower.tasks.settle(runId, { status: 'retry', failure, result: null, delaySeconds: 1 }, null);

    await handIn();
    for (let lost = 1; lost <= 3; lost += 1) {
      await claim();
      await tower.dataSource.query(
        `UPDATE tasks SET lease_expires_at = '2000-01-01 00:00:00' WHERE status = 'running'`,
      );
      await tower.upkeep.reap();
    }
    const told = (await tower.stored()).map(({ event, body }) => [
      event,
      JSON.parse(body).data.failure.reason,
    ]);
    expect(told).toEqual([
      ['task.cancelled', 'cancelled'],
      ['task.failed', 'worker_lost'],
    ]);
  });

  it('are not written while a task goes on, by a run that lost its lease, or without a callback_url', async () => {
    const failure = { reason: 'exit_code', message: 'Exit code 1.' } as const;
    await handIn({ maxAttempts: 2 });
    const { runId } = await claim();
    await tower.tasks.settle(runId, { status: 'retry', failure, result: null, delaySeconds: 1 }, null);
    expect(await tower.tasks.settle(runId, COMPLETED, null)).toEqual({ kept: false });
    await endOne(COMPLETED, { callbackUrl: null });
    expect(await tower.stored()).toEqual([]);
  });

  it('and the end of their task are one transaction: neither is there without the other', async () => {
    const { runId, id } = await (await handIn(), claim());
    await tower.dataSource.query('ALTER TABLE callbacks RENAME TO elsewhere');
    await expect(tower.tasks.settle(runId, COMPLETED, null)).rejects.toThrow();
    await tower.dataSource.query('ALTER TABLE elsewhere RENAME TO callbacks');
    const still = await tower.dataSource.manager.findOneByOrFail(TaskEntity, { id });
    expect(still.status).toBe('running');

    const rolledBack = tower.dataSource.transaction(async (manager) => {
      const ended = { ...still, status: 'completed' as const, completedAt: new Date() };
      await insertCallback(manager, sqlClock(tower.dataSource), ended);
      throw new Error('rolled back on purpose');
    });
    await expect(rolledBack).rejects.toThrow('on purpose');
    expect(await tower.stored()).toEqual([]);
    await tower.tasks.settle(runId, COMPLETED, null);
    expect(await tower.stored()).toHaveLength(1);
  });

  it('are delivered once, at once, with a body and a signature that the Standard Webhooks library accepts', async () => {
    tower.service.start();
    const task = await endOne(FAILED);
    await receiver.until(1);
    await tower.service.stop();
    const [{ headers, body, id }] = receiver.received;
    expect(new Webhook(SECRET).verify(body, headers as Record<string, string>)).toEqual({
      type: 'task.failed',
      timestamp: task.completedAt!.toISOString(),
      data: {
        task_id: task.id,
        status: 'failed',
        type: 'test',
        attempt: 1,
        failure: { reason: 'exit_code', message: 'Exit code 1.' },
        trace_path: task.tracePath,
      },
    });
    expect(headers['content-type']).toBe('application/json');
    const [stored] = await tower.stored();
    expect(stored).toMatchObject({ id, status: 'delivered', attempt: 1, nextAttemptAt: null, leaseId: null });
    expect(stored.history).toEqual([
      { at: expect.any(String), status_code: 204, error: null, duration_ms: expect.any(Number) },
    ]);
    await tower.makeDue();
    expect(await tower.callbacks.claim([])).toBeNull();
  });

  it('have a body below 20 KB, however long the message of a failure is', async () => {
    const failure = { reason: 'error', message: '\u0001'.repeat(5_000) } as const;
    await endOne({ status: 'failed', failure, result: null });
    expect(Buffer.byteLength((await tower.stored())[0].body)).toBeLessThan(20_000);
  });

  it('reach a receiver that was down, each exactly once, when it is up again', async () => {
    await receiver.down();
    for (let count = 0; count < 5; count += 1) await endOne();
    for (let count = 0; count < 5; count += 1) {
      const failed = await attemptOnce();
      expect(failed).toMatchObject({ status: 'pending', attempt: 1, leaseId: null });
      expect(failed.history[0].error).toMatch(/^network: /);
      const delayMs = failed.nextAttemptAt!.getTime() - Date.parse(failed.history[0].at);
      expect(delayMs).toBeGreaterThan(4_900);
      expect(delayMs).toBeLessThan(10_000);
    }
    expect(await tower.callbacks.claim([])).toBeNull();
    await receiver.up();
    await tower.makeDue();
    tower.service.start();
    await receiver.until(5);
    await tower.service.stop();
    const stored = await tower.stored();
    expect(stored.map(({ status, attempt }) => [status, attempt])).toEqual(Array(5).fill(['delivered', 2]));
    expect(receiver.ids.sort()).toEqual(stored.map(({ id }) => id));
  });

  it('are delivered twice under the same id when the process dies after the answer and before it is recorded', async () => {
    await endOne();
    const dying = await startProcess();
    receiver.answer = (response) => void dying.dataSource.destroy().then(() => response.writeHead(200).end());
    await dying.delivery.deliver((await dying.callbacks.claim([]))!, NEVER);
    expect(await tower.callbacks.claim([])).toBeNull();

    receiver.answer = (response) => response.writeHead(200).end();
    await tower.makeDue();
    expect(await attemptOnce()).toMatchObject({ status: 'delivered', attempt: 2 });
    expect(receiver.ids).toEqual([receiver.ids[0], receiver.ids[0]]);
    expect(receiver.received[1].body).toBe(receiver.received[0].body);
  });

  it('are not changed by an attempt whose lease somebody else has taken over', async () => {
    await endOne();
    const slow = (await tower.callbacks.claim([]))!;
    await tower.makeDue();
    await attemptOnce();
    const attempt = { at: new Date().toISOString(), status_code: 500, error: 'late', duration_ms: 1 };
    expect(await tower.callbacks.settle(slow, attempt, 5)).toBeNull();
    expect(await tower.stored()).toMatchObject([{ status: 'delivered', attempt: 2 }]);
  });

  it('are sent by one of any number of processes, never by two', async () => {
    for (let count = 0; count < 30; count += 1) await endOne();
    const others = [await startProcess(), await startProcess()];
    for (const { service } of [tower, ...others]) service.start();
    await receiver.until(30);
    for (const { service } of [tower, ...others]) await service.stop();
    const stored = await tower.stored();
    expect(receiver.ids.sort()).toEqual(stored.map(({ id }) => id));
    expect(stored.every(({ status, attempt }) => status === 'delivered' && attempt === 1)).toBe(true);
  });

  it('are claimed by one of many claims at the same moment, and none is left over', async () => {
    for (let count = 0; count < 12; count += 1) await endOne();
    const claimants = [tower, await startProcess(), await startProcess()];
    const claims = claimants.flatMap(({ callbacks }) => Array.from({ length: 8 }, () => callbacks.claim([])));
    const claimed = (await Promise.all(claims)).flatMap((callback) => callback?.id ?? []);
    expect(claimed.sort()).toEqual((await tower.stored()).map(({ id }) => id));
  });

  it('for one receiver that hangs do not hold up those for another', async () => {
    const hanging = await startReceiver();
    hanging.answer = () => undefined;
    for (let count = 0; count < 12; count += 1) await endOne(COMPLETED, { callbackUrl: hanging.url });
    for (let count = 0; count < 12; count += 1) await endOne();
    tower.service.start();
    await receiver.until(12);
    expect(hanging.received).toHaveLength(4);
    await hanging.down();
  });

  it('are given back when the tower stops, and that attempt does not count', async () => {
    await endOne();
    const stop = new AbortController();
    receiver.answer = () => stop.abort();
    await tower.delivery.deliver((await tower.callbacks.claim([]))!, stop.signal);
    expect(await tower.stored()).toMatchObject([
      { status: 'pending', attempt: 0, history: [], leaseId: null },
    ]);
    expect(await tower.callbacks.claim([])).not.toBeNull();
  });

  it.each([302, 404, 500])(
    'are not delivered by the answer %d, and a redirect is not followed',
    async (status) => {
      const elsewhere = await startReceiver();
      receiver.answer = (response) => response.writeHead(status, { location: elsewhere.url }).end();
      await endOne();
      const failed = await attemptOnce();
      expect(failed).toMatchObject({ status: 'pending', attempt: 1, deliveredAt: null });
      expect(failed.history).toMatchObject([
        { status_code: status, error: expect.stringContaining(String(status)) },
      ]);
      expect(elsewhere.received).toEqual([]);
    },
  );

  it('wait as long as a receiver asks for with Retry-After, and are dead at once when it is gone for good', async () => {
    receiver.answer = (response) => response.writeHead(429, { 'retry-after': '600' }).end();
    await endOne();
    const throttled = await attemptOnce();
    expect(throttled).toMatchObject({ status: 'pending', attempt: 1 });
    const delayMs = throttled.nextAttemptAt!.getTime() - Date.parse(throttled.history[0].at);
    expect(delayMs).toBeGreaterThan(599_000);
    receiver.answer = (response) => response.writeHead(410).end();
    await tower.makeDue();
    expect(await attemptOnce()).toMatchObject({ status: 'dead', attempt: 2, nextAttemptAt: null });
  });

  it('are dead after eight attempts, each of which is kept, and are sent again when somebody asks', async () => {
    receiver.answer = (response) => response.writeHead(503).end();
    await endOne();
    for (let attempt = 1; attempt <= 8; attempt += 1) {
      await tower.makeDue();
      const callback = await attemptOnce();
      expect(callback.status).toBe(attempt < 8 ? 'pending' : 'dead');
    }
    const [dead] = await tower.stored();
    expect(dead.history.map(({ status_code: status }) => status)).toEqual(Array(8).fill(503));
    expect(await tower.callbacks.claim([])).toBeNull();

    receiver.answer = (response) => response.writeHead(200).end();
    expect(await tower.callbacks.redeliver(dead.id)).toMatchObject({ status: 'pending', attempt: 0 });
    expect(await tower.callbacks.redeliver(dead.id)).toBeNull();
    const delivered = await attemptOnce();
    expect(delivered).toMatchObject({ status: 'delivered', attempt: 1 });
    expect(delivered.history).toHaveLength(9);
    expect(new Set(receiver.ids)).toEqual(new Set([dead.id]));
    expect(await tower.callbacks.redeliver(dead.id)).toMatchObject({ status: 'pending', deliveredAt: null });
  });

  it('to a private address are blocked at every attempt, visibly, until they are dead', async () => {
    const guarded = await startProcess({ JCT_ALLOW_PRIVATE_TARGETS: 'false' });
    await endOne();
    for (let attempt = 1; attempt <= 8; attempt += 1) {
      await tower.makeDue();
      await attemptOnce(guarded);
    }
    const [dead] = await tower.stored();
    expect(dead.status).toBe('dead');
    expect(dead.history).toHaveLength(8);
    for (const attempt of dead.history)
      expect(attempt).toMatchObject({ status_code: null, error: expect.stringMatching(/^blocked: /) });
    expect(receiver.received).toEqual([]);
  });

  it('keep a task from ending neither by a URL that cannot be read nor by a host that is too long', async () => {
    await endOne(COMPLETED, { callbackUrl: 'no url' });
    await endOne(COMPLETED, { callbackUrl: `https://${'a.'.repeat(400)}example/` });
    expect((await tower.stored()).map(({ host }) => host.length)).toEqual([0, 255]);
    expect((await attemptOnce()).history[0].error).toMatch(/^blocked: /);
  });
});
