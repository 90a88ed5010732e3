import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { onBothDatabases, type TestDatabase } from '../../support/databases.js';
import { Fleet } from '../../support/fleet.js';
import { WebhookReceiver } from '../../support/webhook-receiver.js';

const TASKS = 30;
const DOWN_MS = 60_000;

onBothDatabases('a receiver of callbacks that is down for a minute', (create) => {
  let database: TestDatabase;
  let fleet: Fleet;
  let receiver: WebhookReceiver;

  beforeEach(async () => {
    database = await create();
    receiver = await WebhookReceiver.listening();
    fleet = await Fleet.open(database.url, { JCT_ALLOW_PRIVATE_TARGETS: 'true', JCT_SANDBOX: 'process' });
  });
  afterEach(async () => {
    await receiver?.down();
    await fleet?.close();
    await database?.drop();
  });

  it('gets each message exactly once by webhook-id, signed, from whichever of two workers', async () => {
    const { api } = await fleet.api();
    await fleet.worker();
    await fleet.worker();
    await receiver.down();
    const downSince = performance.now();
    const ids = await Promise.all(
      Array.from({ length: TASKS }, () =>
        api.accepted({ type: 'test', payload: { script: 'true' }, callback_url: receiver.url }),
      ),
    );
    for (const id of ids) await api.ended(id);
    await delay(DOWN_MS - (performance.now() - downSince));
    expect(receiver.received).toEqual([]);
    await receiver.up();
    await receiver.until(TASKS);

    const secret = (await readFile(`${fleet.folder}/webhook-secret`, 'utf8')).trim();
    const told = receiver.received.map(
      ({ body, headers }) =>
        new Webhook(secret).verify(body, headers as Record<string, string>) as { data: { task_id: string } },
    );
    expect(told.map(({ data }) => data.task_id).sort()).toEqual([...ids].sort());
    expect(new Set(receiver.ids).size).toBe(TASKS);
    for (const id of ids) {
      let callback = { status: 'pending', attempts: [] as { status_code: number | null }[] };
      while (callback.status === 'pending') {
        [callback] = (await api.get(`/tasks/${id}/callbacks`)).body.items;
      }
      expect(callback.status).toBe('delivered');
      const codes = callback.attempts.map(({ status_code: code }) => code);
      expect(codes.filter((code) => code !== null)).toEqual([204]);
      expect(codes.length).toBeGreaterThan(1);
    }
    expect(receiver.received).toHaveLength(TASKS);
  }, 240_000);
});
