import { readFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { newId } from '../../src/common/ids.js';
import type { ApiClient } from '../support/api-client.js';
import { onBothDatabases, type TestDatabase } from '../support/databases.js';
import { Tower } from '../support/tower.js';
import { WebhookReceiver } from '../support/webhook-receiver.js';

onBothDatabases('callbacks of a tower', (create) => {
  let database: TestDatabase;
  let tower: Tower;
  let api: ApiClient;
  let receiver: WebhookReceiver;

  beforeAll(async () => {
    database = await create();
    receiver = await WebhookReceiver.listening();
    tower = await Tower.start(database.url, { JCT_ALLOW_PRIVATE_TARGETS: 'true' });
    api = tower.api;
  });
  afterAll(async () => {
    await tower?.stop();
    await receiver?.down();
    await database?.drop();
  });

  /** The callbacks of a task when the newest one is no longer under way. */
  async function settled(taskId: string) {
    for (;;) {
      const { items } = (await api.get(`/tasks/${taskId}/callbacks`)).body;
      if (items.length > 0 && items.at(-1).status !== 'pending') return items;
      await delay(20);
    }
  }

  it('tell the receiver, signed, how the task ended, and are shown with every attempt', async () => {
    const seen = receiver.received.length;
    const id = await api.accepted({
      type: 'test',
      payload: { script: 'exit 3' },
      callback_url: receiver.url,
    });
    await receiver.until(seen + 1);
    const { headers, body, id: webhookId } = receiver.received.at(-1)!;
    const secret = (await readFile(`${tower.folder}/webhook-secret`, 'utf8')).trim();
    expect(new Webhook(secret).verify(body, headers as Record<string, string>)).toMatchObject({
      type: 'task.failed',
      data: { task_id: id, status: 'failed', attempt: 1, failure: { reason: 'exit_code' } },
    });
    expect(await settled(id)).toEqual([
      {
        callback_id: webhookId,
        task_id: id,
        url: receiver.url,
        event: 'task.failed',
        status: 'delivered',
        attempt: 1,
        attempts: [
          { at: expect.any(String), status_code: 204, error: null, duration_ms: expect.any(Number) },
        ],
        last_status_code: 204,
        last_error: null,
        next_attempt_at: null,
        created_at: expect.any(String),
        delivered_at: expect.any(String),
      },
    ]);
  });

  it('can be sent again under the same id, once at a time', async () => {
    const id = await api.accepted({ type: 'test', payload: { script: 'true' }, callback_url: receiver.url });
    const [{ callback_id: callbackId }] = await settled(id);
    const seen = receiver.received.length;
    const asked = new Promise<ServerResponse>((resolve) => (receiver.answer = resolve));
    const redelivered = await api.post(`/callbacks/${callbackId}/redeliver`);
    expect(redelivered).toMatchObject({ status: 200, body: { status: 'pending', delivered_at: null } });
    const response = await asked;
    const again = await api.post(`/callbacks/${callbackId}/redeliver`);
    expect(again).toMatchObject({ status: 409, body: { code: 'ILLEGAL_STATE', current_state: 'pending' } });
    receiver.answer = (later) => later.writeHead(204).end();
    response.writeHead(204).end();
    expect(await settled(id)).toMatchObject([{ status: 'delivered', attempts: [{}, {}] }]);
    expect(receiver.ids.slice(seen)).toEqual([callbackId]);
  });

  it('are none for a task that asked for none', async () => {
    const id = await api.accepted({ type: 'test', payload: { script: 'true' } });
    await api.ended(id);
    expect((await api.get(`/tasks/${id}/callbacks`)).body).toEqual({ items: [] });
  });

  it.each(['nonsense', newId()])('answer 404 for what does not exist: %s', async (id) => {
    const callback = await api.post(`/callbacks/${id}/redeliver`);
    expect(callback).toMatchObject({ status: 404, body: { code: 'CALLBACK_NOT_FOUND' } });
    const task = await api.get(`/tasks/${id}/callbacks`);
    expect(task).toMatchObject({ status: 404, body: { code: 'TASK_NOT_FOUND' } });
  });
});
