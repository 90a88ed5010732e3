import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import type { DeliveryContext } from '../../src/events/event-subscribers.js';
import type { EventEntity } from '../../src/events/event.entity.js';
import { onBothDatabases, type TestDatabase } from '../support/databases.js';
import { EventRooms } from '../support/event-rooms.js';

onBothDatabases('the delivery of events', (create) => {
  let database: TestDatabase;
  let rooms: EventRooms;
  const others: EventRooms[] = [];
  /** The rooms of another process. */
  const another = async (environment: Record<string, string> = {}): Promise<EventRooms> => {
    const opened = await EventRooms.open(database.url, environment);
    others.push(opened);
    return opened;
  };
  const never = (): Promise<null> => new Promise(() => undefined);

  beforeAll(() => Logger.overrideLogger(['error']));
  beforeEach(async () => {
    database = await create();
    rooms = await EventRooms.open(database.url);
  });
  afterEach(async () => {
    await Promise.all([rooms, ...others.splice(0)].map((each) => each.close()));
    await database.drop();
  });

  it('completes at once an event that interests nobody', async () => {
    const id = await rooms.record({ type: 'other.happened' });
    rooms.subscribe({ name: 'agent:a' });
    expect(await rooms.dispatch.dispatch()).toEqual({ events: 1, told: 0 });
    expect(await rooms.event(id)).toMatchObject({ status: 'completed', processedBy: null, result: null });
    expect(await rooms.deliveries(id)).toEqual({});
  });

  it('tells everybody whom it interests, and keeps who handled it and what came of it', async () => {
    const seen: [EventEntity, DeliveryContext][] = [];
    rooms.subscribe({
      name: 'agent:a',
      handle: (event, context) => {
        seen.push([event, context]);
        return Promise.resolve({ tasks: 2 });
      },
    });
    rooms.subscribe({ name: 'agent:b', handles: ['*'] });
    rooms.subscribe({ name: 'agent:c', wants: ({ priority }) => (priority === 'low' ? 'Too low.' : null) });
    rooms.subscribe({ name: 'agent:d', handles: ['test.other'] });
    rooms.service.start();
    const id = await rooms.record({ priority: 'low', data: { a: 1 } });
    expect(await rooms.ended(id)).toMatchObject({
      status: 'completed',
      processedBy: 'agent:a, agent:b',
      result: { 'agent:a': { tasks: 2 } },
      error: null,
    });
    const { 'agent:a': a, 'agent:c': c, ...rest } = await rooms.deliveries(id);
    expect(Object.keys(rest)).toEqual(['agent:b']);
    expect(a).toMatchObject({ status: 'completed', attempt: 1, outcome: { tasks: 2 }, error: null });
    expect(c).toMatchObject({ status: 'skipped', attempt: 0, error: 'Too low.' });
    expect(seen).toMatchObject([
      [
        { id, data: { a: 1 } },
        { attempt: 1, deliveryId: a.id },
      ],
    ]);
  });

  it('serves the most urgent event first, then the oldest', async () => {
    const seen: string[] = [];
    rooms.subscribe({
      name: 'agent:slow',
      concurrency: 1,
      handle: ({ data }) => {
        seen.push(data['name'] as string);
        return Promise.resolve(null);
      },
    });
    const ids = [];
    for (const [name, priority] of [
      ['low', 'low'],
      ['first', 'medium'],
      ['second', 'medium'],
      ['urgent', 'critical'],
    ] as const)
      ids.push(await rooms.record({ priority, data: { name } }));
    await rooms.dispatch.dispatch();
    rooms.service.start();
    for (const id of ids) await rooms.ended(id);
    expect(seen).toEqual(['urgent', 'first', 'second', 'low']);
  });

  it('is not delayed for one subscriber by another that hangs, or by one that throws', async () => {
    const seen: string[] = [];
    rooms.subscribe({ name: 'agent:hangs', concurrency: 10, handle: never, timeoutSeconds: 600 });
    rooms.subscribe({ name: 'agent:throws', handle: () => Promise.reject(new Error('no luck')) });
    rooms.subscribe({
      name: 'agent:works',
      concurrency: 1,
      handle: ({ id }) => {
        seen.push(id);
        return Promise.resolve(null);
      },
    });
    rooms.service.start();
    const ids = [];
    for (let count = 0; count < 20; count += 1) ids.push(await rooms.record());
    while (seen.length < 20) await delay(10);
    expect([...seen].sort()).toEqual([...ids].sort());
    const states = await Promise.all(ids.map((id) => rooms.deliveries(id)));
    expect(states.filter(({ 'agent:hangs': hangs }) => hangs.status === 'processing')).toHaveLength(10);
    expect((await rooms.event(ids[0])).status).toBe('processing');
  });

  it('tries again later, and gives up after the last attempt: the event has failed and says why', async () => {
    const contexts: DeliveryContext[] = [];
    rooms.subscribe({
      name: 'agent:throws',
      maxAttempts: 2,
      handle: (_event, context) => {
        contexts.push(context);
        return Promise.reject(new Error(`no luck ${context.attempt}`));
      },
    });
    rooms.subscribe({ name: 'agent:works', handle: () => Promise.resolve({ ok: true }) });
    rooms.service.start();
    const id = await rooms.record();
    while ((await rooms.deliveries(id))['agent:throws']?.status !== 'failed') await delay(10);
    const failed = (await rooms.deliveries(id))['agent:throws'];
    expect(failed).toMatchObject({ attempt: 1, error: 'no luck 1' });
    expect(failed.nextAttemptAt!.getTime()).toBeGreaterThan(failed.finishedAt!.getTime() + 900);
    await rooms.hurry(id);
    expect(await rooms.ended(id)).toMatchObject({
      status: 'failed',
      processedBy: 'agent:works',
      result: { 'agent:works': { ok: true } },
      error: 'agent:throws: no luck 2',
    });
    expect(contexts.map(({ attempt }) => attempt)).toEqual([1, 2]);
    expect(new Set(contexts.map(({ deliveryId }) => deliveryId)).size).toBe(1);
  });

  it('can begin anew when it is dead, under the same id, for that subscriber only', async () => {
    let broken = true;
    const ids: string[] = [];
    rooms.subscribe({
      name: 'agent:mended',
      maxAttempts: 1,
      handle: (_event, { deliveryId, attempt }) => {
        ids.push(`${deliveryId} ${attempt}`);
        return broken ? Promise.reject(new Error('broken')) : Promise.resolve({ mended: true });
      },
    });
    let worked = 0;
    rooms.subscribe({ name: 'agent:works', handle: () => Promise.resolve({ worked: ++worked }) });
    rooms.service.start();
    const id = await rooms.record();
    expect(await rooms.ended(id)).toMatchObject({ status: 'failed', error: 'agent:mended: broken' });
    broken = false;
    expect(await rooms.queue.redeliver(id)).toBe(1);
    expect(await rooms.ended(id)).toMatchObject({
      status: 'completed',
      error: null,
      result: { 'agent:mended': { mended: true }, 'agent:works': { worked: 1 } },
    });
    expect(ids[1]).toBe(ids[0]);
    expect(await rooms.queue.redeliver(id)).toBe(0);
  });

  it('fails an attempt whose time is over, aborts it, and gives its place to the next event', async () => {
    const aborted: string[] = [];
    let first = true;
    rooms.subscribe({
      name: 'agent:sometimes',
      timeoutSeconds: 0.05,
      maxAttempts: 1,
      concurrency: 1,
      handle: async ({ id }, { signal }) => {
        if (!first) return null;
        first = false;
        await once(signal, 'abort');
        aborted.push(id);
        return never();
      },
    });
    rooms.service.start();
    const hung = await rooms.record();
    expect(await rooms.ended(hung)).toMatchObject({
      status: 'failed',
      error: 'agent:sometimes: It did not end within 0.05 s.',
    });
    expect(aborted).toEqual([hung]);
    expect(await rooms.ended(await rooms.record())).toMatchObject({ status: 'completed' });
  });

  it('takes a subscriber that cannot say whether it wants an event for dead, and tells the others', async () => {
    rooms.subscribe({
      name: 'workflow:broken',
      wants: () => {
        throw new Error('no such field');
      },
    });
    rooms.subscribe({ name: 'agent:works' });
    rooms.service.start();
    const [event, alone] = [await rooms.record(), await rooms.record({ type: 'test.alone' })];
    for (const id of [event, alone])
      expect(await rooms.ended(id)).toMatchObject({
        status: 'failed',
        processedBy: 'agent:works',
        error: expect.stringContaining('workflow:broken: It could not say'),
      });
  });

  it('goes on in another process when one has died, with the same id, and does not count that as failed', async () => {
    const attempts: string[] = [];
    const dies = await another({
      JCT_LEASE_SECONDS: '2',
      JCT_HEARTBEAT_SECONDS: '1',
      JCT_REAP_INTERVAL_SECONDS: '1',
    });
    dies.subscribe({ name: 'agent:a', maxAttempts: 1 });
    const id = await dies.record();
    await dies.dispatch.dispatch();
    // It dies with the delivery in its hands: nobody keeps the lease.
    const [{ leaseId: _, ...held }] = await dies.queue.claim('agent:a', 1, 60);
    rooms.subscribe({
      name: 'agent:a',
      maxAttempts: 2,
      handle: (_event, { attempt, deliveryId }) => {
        attempts.push(`${deliveryId} ${attempt}`);
        return attempt === 2 ? Promise.reject(new Error('once')) : Promise.resolve(null);
      },
    });
    await rooms.hurry(id);
    rooms.service.start();
    expect(await rooms.ended(id)).toMatchObject({ status: 'completed' });
    expect(attempts).toEqual([`${held.id} 2`, `${held.id} 3`]);
    expect((await rooms.deliveries(id))['agent:a']).toMatchObject({ attempt: 3, lostAttempts: 1 });
  });

  it('drops what somebody says who has lost the lease meanwhile', async () => {
    rooms.subscribe({ name: 'agent:a' });
    const id = await rooms.record();
    await rooms.dispatch.dispatch();
    const [late] = await rooms.queue.claim('agent:a', 1, 60);
    await rooms.hurry(id);
    const [next] = await rooms.queue.claim('agent:a', 1, 60);
    expect(await rooms.queue.renew([late, next], 60)).toEqual(new Set([next.id]));
    expect(await rooms.queue.settle(late, { status: 'completed', outcome: { late: true } }, 3)).toBeNull();
    expect(await rooms.queue.settle(next, { status: 'completed', outcome: null }, 3)).toBe('completed');
    expect((await rooms.deliveries(id))['agent:a']).toMatchObject({ outcome: null, attempt: 2 });
  });

  it('keeps the lease of an attempt that takes longer than it', async () => {
    const lease = { JCT_LEASE_SECONDS: '2', JCT_HEARTBEAT_SECONDS: '1', JCT_REAP_INTERVAL_SECONDS: '1' };
    const [one, two] = [await another(lease), await another(lease)];
    let calls = 0;
    for (const each of [one, two]) {
      each.subscribe({
        name: 'agent:slow',
        handle: async () => {
          calls += 1;
          await delay(3_500);
          return null;
        },
      });
      each.service.start();
    }
    const id = await one.record();
    expect(await rooms.ended(id)).toMatchObject({ status: 'completed' });
    expect(calls).toBe(1);
  });

  it('gives up an attempt that kills every process that makes it', async () => {
    let calls = 0;
    rooms.subscribe({ name: 'agent:killer', handle: () => Promise.resolve({ calls: ++calls }) });
    const id = await rooms.record();
    await rooms.dispatch.dispatch();
    for (let died = 0; died < 5; died += 1) {
      expect(await rooms.queue.claim('agent:killer', 1, 60)).toHaveLength(1);
      await rooms.hurry(id);
    }
    rooms.service.start();
    expect(await rooms.ended(id)).toMatchObject({
      status: 'failed',
      error: 'agent:killer: The process died during each of 5 attempts.',
    });
    expect(calls).toBe(0);
  });

  it('gives back what goes on when the process stops, without counting it', async () => {
    rooms.subscribe({ name: 'agent:a', handle: never });
    rooms.service.start();
    const id = await rooms.record();
    while ((await rooms.deliveries(id))['agent:a']?.status !== 'processing') await delay(10);
    await rooms.service.stop();
    expect((await rooms.deliveries(id))['agent:a']).toMatchObject({ status: 'pending', attempt: 0 });
  });

  it('waits for a subscriber that is gone, for a day', async () => {
    const gone = rooms.subscribe({ name: 'agent:gone' });
    const id = await rooms.record();
    await rooms.dispatch.dispatch();
    gone();
    await rooms.hurry(id, 3_600);
    expect(await rooms.queue.abandon(['agent:other'])).toBe(0);
    await rooms.hurry(id, 90_000);
    expect(await rooms.queue.abandon(['agent:gone'])).toBe(0);
    expect(await rooms.queue.abandon(['agent:other'])).toBe(1);
    expect(await rooms.event(id)).toMatchObject({
      status: 'failed',
      error: 'agent:gone: No process has had this subscriber for a day.',
    });
  });

  it('ends an event once, whichever of its deliveries is last, when they all end at once in two processes', async () => {
    const names = Array.from({ length: 8 }, (_, index) => `agent:${index}`);
    const two = await another();
    for (const each of [rooms, two]) {
      for (const name of names) each.subscribe({ name, handle: () => Promise.resolve({ name }) });
      each.service.start();
    }
    const ids = await Promise.all(Array.from({ length: 10 }, () => rooms.record()));
    for (const id of ids) {
      const event = await rooms.ended(id);
      expect(event).toMatchObject({ status: 'completed', processedBy: names.join(', ') });
      expect(Object.keys(event.result!).sort()).toEqual(names);
    }
  });
});
