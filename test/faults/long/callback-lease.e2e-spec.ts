import { expect, it } from '@jest/globals';
import { dyingAt } from '../../support/crash-points.js';
import { onBothDatabases } from '../../support/databases.js';
import { Fleet } from '../../support/fleet.js';
import { WebhookReceiver } from '../../support/webhook-receiver.js';

onBothDatabases('with its own lease of a minute, a callback', (create) => {
  it('F06 whose sender died after the answer comes again under the same id within 90 s', async () => {
    const database = await create();
    const fleet = await Fleet.open(database.url, { JCT_ALLOW_PRIVATE_TARGETS: 'true' });
    const receiver = await WebhookReceiver.listening();
    try {
      const { api } = await fleet.api();
      const dying = await fleet.worker(dyingAt('after_callback_answer'));
      const task = { type: 'test', payload: { script: 'true' }, callback_url: receiver.url };
      const id = await api.accepted(task);
      await dying.ended;
      const diedAt = performance.now();
      await Promise.all([fleet.worker(), fleet.worker()]);
      await receiver.until(2);
      expect((performance.now() - diedAt) / 1_000).toBeLessThan(90);
      const delivered = async (): Promise<boolean> =>
        (await api.get(`/tasks/${id}/callbacks`)).body.items[0].status === 'delivered';
      while (!(await delivered()));
      expect(receiver.ids).toEqual([receiver.ids[0], receiver.ids[0]]);
    } finally {
      await fleet.close();
      await receiver.down();
      await database.drop();
    }
  }, 180_000);
});
