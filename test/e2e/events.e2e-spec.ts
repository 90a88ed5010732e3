import { Module, type OnModuleInit } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CloudEvent, HTTP } from 'cloudevents';
import { setTimeout as delay } from 'node:timers/promises';
import { isId, newId } from '../../src/common/ids.js';
import { EventSubscribers } from '../../src/events/event-subscribers.js';
import { EventsModule } from '../../src/events/events.module.js';
import { TasksModule } from '../../src/tasks/tasks.module.js';
import { TasksService } from '../../src/tasks/tasks.service.js';
import type { Answer, ApiClient } from '../support/api-client.js';
import { onBothDatabases, type TestDatabase } from '../support/databases.js';
import { followStream, type LogEvent } from '../support/log-stream.js';
import { Tower } from '../support/tower.js';

let broken = true;

/** What an extension does: reacts to an event with a task. */
@Module({ imports: [EventsModule, TasksModule] })
class Reactions implements OnModuleInit {
  constructor(
    private readonly subscribers: EventSubscribers,
    private readonly tasks: TasksService,
  ) {}

  onModuleInit(): void {
    const common = { timeoutSeconds: 10, maxAttempts: 1, concurrency: 2 };
    this.subscribers.add({
      ...common,
      name: 'rule:tester',
      handles: ['reaction.*'],
      handle: async (event, { deliveryId }) => {
        const request = { type: 'test', payload: { script: 'true' } };
        const { id } = await this.tasks.enqueue(request, `delivery:${deliveryId}`, {
          actor: 'rule:tester',
          requestId: deliveryId,
          causedBy: { kind: 'event', id: event.id },
        });
        return { task_id: id };
      },
    });
    this.subscribers.add({
      ...common,
      name: 'agent:broken',
      handles: ['broken.*'],
      handle: () => (broken ? Promise.reject(new Error('no luck')) : Promise.resolve({ mended: true })),
    });
  }
}

onBothDatabases('events over HTTP', (create) => {
  let database: TestDatabase;
  let tower: Tower;
  let api: ApiClient;

  beforeAll(async () => {
    database = await create();
    tower = await Tower.start(database.url, {}, [Reactions]);
    api = tower.api;
  });
  afterAll(async () => {
    await tower?.stop();
    await database?.drop();
  });

  const get = async (id: string): Promise<Answer['body']> => (await api.get(`/events/${id}`)).body;
  const ended = async (id: string): Promise<Answer['body']> => {
    for (;;) {
      const event = await get(id);
      if (event.processed_at !== null) return event;
      await delay(20);
    }
  };
  const created = async (body: object): Promise<string> =>
    (await api.post('/events', { source: 'test', data: {}, ...body })).body.event_id;

  describe('come in', () => {
    it('in the form of the seed: type, source and priority in the query, data and tags in the body', async () => {
      const answer = await api.post('/events?event_type=user.action&source=seed&priority=HIGH', {
        data: { a: 1 },
        tags: { team: 'x' },
      });
      expect(answer).toMatchObject({
        status: 200,
        body: { status: 'success', message: 'Event created and queued for processing' },
      });
      expect(isId(answer.body.event_id)).toBe(true);
      expect(await get(answer.body.event_id)).toMatchObject({
        id: answer.body.event_id,
        type: 'user.action',
        source: 'seed',
        priority: 'high',
        data: { a: 1 },
        tags: { team: 'x' },
      });
    });

    it('in the form of the seed with no more than it asks for: priority is medium, tags may be null', async () => {
      const { body } = await api.post('/events?event_type=user.action&source=seed', { data: {}, tags: null });
      expect(await get(body.event_id)).toMatchObject({ priority: 'medium', tags: {}, data: {} });
    });

    it('as one JSON body, once for each dedup_id of a source', async () => {
      const event = { type: 'custom.thing_done', source: 'robot', data: { b: [1] }, dedup_id: 'd-1' };
      const first = await api.post('/events', event);
      const again = await api.post('/events', { ...event, data: { other: true } });
      expect(again).toMatchObject({ status: 200, body: { event_id: first.body.event_id } });
      expect(again.headers.get('Idempotency-Replayed')).toBe('true');
      expect(first.headers.get('Idempotency-Replayed')).toBeNull();
      const other = await api.post('/events', { ...event, source: 'other' });
      expect(other.body.event_id).not.toBe(first.body.event_id);
      expect(await get(first.body.event_id)).toMatchObject({ dedup_id: 'd-1', data: { b: [1] } });
    });

    it.each(['binary', 'structured'] as const)(
      'as CloudEvents 1.0 in %s mode, once for each id',
      async (mode) => {
        const event = new CloudEvent({
          id: `ce-${mode}`,
          source: '/sensors/%C3%BCber',
          type: 'com.example.reading',
          subject: 'Küche 1',
          time: '2026-11-22T01:02:03.000Z',
          level: 'high',
          priority: 'critical',
          data: { celsius: 21 },
        });
        const { headers, body } = HTTP[mode](event) as { headers: Record<string, string>; body: string };
        const wire = Object.entries(headers).map(([name, value]) => [
          name,
          name === 'ce-subject' ? encodeURIComponent(value) : value,
        ]);
        const send = () =>
          api.raw({ method: 'POST', path: '/events', headers: Object.fromEntries(wire), body });
        const first = await send();
        expect(first).toMatchObject({ status: 200, body: { status: 'success' } });
        expect(await get(first.body.event_id)).toMatchObject({
          type: 'com.example.reading',
          source: '/sensors/%C3%BCber',
          dedup_id: `ce-${mode}`,
          data: { celsius: 21 },
          priority: 'critical',
          tags: { subject: 'Küche 1', time: '2026-11-22T01:02:03.000Z', level: 'high' },
        });
        const again = await send();
        expect(again.body.event_id).toBe(first.body.event_id);
        expect(again.headers.get('Idempotency-Replayed')).toBe('true');
      },
    );

    const ce = { id: '1', source: '/s', type: 'a.b', specversion: '1.0', data: {} };
    const structured = { 'Content-Type': 'application/cloudevents+json' };
    it.each([
      ['no body', '/events', {}, {}, ['/type', '/source', '/data']],
      ['an unknown field', '/events', { type: 'a', source: 's', data: {}, odd: 1 }, {}, ['/odd']],
      ['a bad type', '/events', { type: 'a b', source: 's', data: {} }, {}, ['/type']],
      ['data that is none', '/events', { type: 'a', source: 's', data: [] }, {}, ['/data']],
      ['a bad priority', '/events', { type: 'a', source: 's', data: {}, priority: 'now' }, {}, ['/priority']],
      ['bad tags', '/events', { type: 'a', source: 's', data: {}, tags: { a: 1 } }, {}, ['/tags']],
      ['a query without source', '/events?event_type=a', { data: {} }, {}, ['/source']],
      ['a query and no data', '/events?event_type=a&source=s', {}, {}, ['/data']],
      [
        'a bad priority in the query',
        '/events?event_type=a&source=s&priority=now',
        { data: {} },
        {},
        ['/priority'],
      ],
      ['a type in both places', '/events?event_type=a&source=s', { data: {}, type: 'a' }, {}, ['/type']],
      ['a query of its own', '/events?odd=1', { type: 'a', source: 's', data: {} }, {}, ['/odd']],
      [
        'priority in the query only',
        '/events?priority=low',
        { type: 'a', source: 's', data: {} },
        {},
        ['/priority'],
      ],
      ['a CloudEvent without id', '/events', { ...ce, id: undefined }, structured, ['/id']],
      [
        'a CloudEvent of another version',
        '/events',
        { ...ce, specversion: '0.3' },
        structured,
        ['/specversion'],
      ],
      ['a CloudEvent whose id is a number', '/events', { ...ce, id: 7 }, structured, ['/id']],
      ['a CloudEvent with an empty source', '/events', { ...ce, source: '' }, structured, ['/source']],
      ['a CloudEvent of another time', '/events', { ...ce, time: 'noon' }, structured, ['/time']],
      [
        'a CloudEvent with binary data',
        '/events',
        { ...ce, data: undefined, data_base64: 'aGk=' },
        structured,
        ['/data_base64'],
      ],
      ['a CloudEvent with text as data', '/events', { ...ce, data: 'text' }, structured, ['/data']],
      ['a CloudEvent with a query', '/events?source=s', ce, structured, ['/source']],
      [
        'a binary CloudEvent without source',
        '/events',
        {},
        { 'ce-id': '1', 'ce-type': 'a', 'ce-specversion': '1.0' },
        ['/source'],
      ],
    ])('not with %s', async (_what, path, body, headers, pointers) => {
      const answer = await api.post(path, body, headers);
      expect(answer).toMatchObject({ status: 422, body: { code: 'VALIDATION_FAILED' } });
      const found = answer.body.errors.map(({ pointer }: { pointer: string }) => pointer);
      expect([...new Set(found)]).toEqual(pointers);
    });

    it('as the alert of a test system', async () => {
      const { status, body } = await api.post('/test/infrastructure-alert');
      expect({ status, body }).toEqual({
        status: 200,
        body: { status: 'success', event_id: expect.any(String) },
      });
      expect(await get(body.event_id)).toMatchObject({
        type: 'infrastructure.alert',
        source: 'test-system',
        priority: 'high',
        data: {
          alert_type: 'high_cpu',
          value: 95.5,
          threshold: 80,
          message: 'CPU usage critically high on test system',
        },
        tags: { environment: 'test', component: 'cpu' },
      });
    });
  });

  describe('are shown', () => {
    it('as a plain list, newest first, with every field of the seed', async () => {
      const ids = [];
      for (let n = 0; n < 3; n += 1) ids.unshift(await created({ type: 'list.plain', data: { n } }));
      const { status, body } = await api.get('/events?event_type=list.plain');
      expect(status).toBe(200);
      expect(body.map(({ id }: { id: string }) => id)).toEqual(ids);
      expect(Object.keys(body[0])).toEqual(
        expect.arrayContaining(
          'id type source data priority tags status created_at processed_at processed_by result error'.split(
            ' ',
          ),
        ),
      );
      expect((await api.get('/events?event_type=list.plain&limit=1&offset=1')).body).toMatchObject([
        { id: ids[1] },
      ]);
    });

    it('by what is asked for', async () => {
      const id = await created({ type: 'filter.one', source: 'f', priority: 'low', tags: { 'a.b': 'c"d' } });
      await created({ type: 'filter.two', source: 'g' });
      await created({ type: 'Filter.three', source: 'g' });
      await ended(id);
      const found = async (query: string): Promise<string[]> =>
        (await api.get(`/events?${query}`)).body.map(({ type }: { type: string }) => type);
      expect(await found('event_type=filter.*')).toEqual(['filter.two', 'filter.one']);
      expect(await found('event_type=filter.*&priority=low')).toEqual(['filter.one']);
      expect(await found('source=f')).toEqual(['filter.one']);
      expect(await found('event_type=filter.one&status=completed')).toEqual(['filter.one']);
      expect(await found('event_type=filter.one&status=failed')).toEqual([]);
      expect(await found(`tag=${encodeURIComponent('a.b:c"d')}`)).toEqual(['filter.one']);
      expect(await found('source=g&created_after=2200-01-01T00:00:00Z')).toEqual([]);
    });

    it.each([
      'limit=0',
      'limit=201',
      'offset=-1',
      'status=odd',
      'priority=now',
      'event_type=*.x',
      'odd=1',
      'tag=x',
    ])('not for ?%s', async (query) => expect((await api.get(`/events?${query}`)).status).toBe(422));

    it('not when there are none', async () => {
      for (const id of [newId(), 'nonsense', '..'])
        expect(await api.get(`/events/${encodeURIComponent(id)}`)).toMatchObject(
          id === '..' ? { status: expect.any(Number) } : { status: 404, body: { code: 'EVENT_NOT_FOUND' } },
        );
    });

    it('with whom they were told to and what they led to, down to the events of the task', async () => {
      const id = await created({ type: 'reaction.wanted' });
      const event = await ended(id);
      const taskId = event.result['rule:tester'].task_id;
      expect(event).toMatchObject({
        status: 'completed',
        processed_by: 'rule:tester',
        deliveries: [
          { subscriber: 'rule:tester', status: 'completed', attempt: 1, outcome: { task_id: taskId } },
        ],
        caused: [{ kind: 'task', id: taskId, type: 'test' }],
      });
      expect(await api.ended(taskId)).toMatchObject({
        requested_by: 'rule:tester',
        caused_by: { kind: 'event', id },
      });
      expect((await api.get(`/events?caused_by=${taskId}`)).body).toMatchObject([
        { type: 'task.completed', caused_by: { kind: 'task', id: taskId }, actor: 'rule:tester' },
      ]);
    });

    it('as failed when somebody has given up, and can then be delivered once more', async () => {
      broken = true;
      const id = await created({ type: 'broken.thing' });
      expect(await ended(id)).toMatchObject({
        status: 'failed',
        error: 'agent:broken: no luck',
        deliveries: [{ status: 'dead', error: 'no luck' }],
      });
      expect((await api.get('/status')).body.parts).toContainEqual(
        expect.objectContaining({
          name: 'events',
          status: 'running',
          facts: expect.objectContaining({
            dead_deliveries: 1,
            subscribers: expect.objectContaining({ 'agent:broken': { open: 0, dead: 1 } }),
          }),
        }),
      );
      broken = false;
      expect(await api.post(`/events/${id}/redeliver`)).toMatchObject({ status: 200, body: { id } });
      expect(await ended(id)).toMatchObject({
        status: 'completed',
        result: { 'agent:broken': { mended: true } },
      });
      expect(await api.post(`/events/${id}/redeliver`)).toMatchObject({
        status: 409,
        body: { code: 'ILLEGAL_STATE', current_state: 'completed' },
      });
      expect((await api.post(`/events/${newId()}/redeliver`)).status).toBe(404);
    });
  });

  describe('can be followed live', () => {
    /** Reads until the last of the names has come. */
    const read = async (
      names: string[],
      headers: Record<string, string>,
      opened?: () => void,
      query = '',
    ): Promise<LogEvent[]> => {
      const seen: LogEvent[] = [];
      for await (const event of followStream(`${api.url}/events/stream${query}`, headers, opened)) {
        seen.push(event);
        if (JSON.parse(event.data).data.name === names.at(-1)) break;
      }
      return seen;
    };
    const names = (events: LogEvent[]): string[] => events.map(({ data }) => JSON.parse(data).data.name);

    it('from now on, and after the one that was seen last, none left out and none twice', async () => {
      await created({ type: 'stream.live', data: { name: 'before' } });
      const wanted = Array.from({ length: 30 }, (_, index) => `n${index}`);
      let opened!: () => void;
      const open = new Promise<void>((resolve) => (opened = resolve));
      const reading = read(wanted, {}, opened, '?event_type=stream.*');
      await open;
      await created({ type: 'other.type', data: { name: 'other' } });
      for (const name of wanted) await created({ type: 'stream.live', data: { name } });
      const seen = await reading;
      expect(names(seen).filter((name) => name !== 'before')).toEqual(wanted);
      expect(seen.every(({ event }) => event === 'event')).toBe(true);
      expect(seen.at(-1)!.id).toBe(JSON.parse(seen.at(-1)!.data).id);
      const resumed = await read(
        wanted,
        { 'Last-Event-ID': seen.at(-11)!.id },
        undefined,
        '?event_type=stream.*',
      );
      expect(names(resumed)).toEqual(wanted.slice(-10));
    });

    it('without a gap by two readers while many write at once', async () => {
      const wanted = Array.from({ length: 100 }, (_, index) => `m${index}`);
      const reader = async (): Promise<Promise<string[]>[]> => {
        let opened!: () => void;
        const open = new Promise<void>((resolve) => (opened = resolve));
        const reading = read(['last'], {}, opened, '?event_type=crowd.*');
        await open;
        return [reading.then(names)];
      };
      const [[one], [two]] = [await reader(), await reader()];
      await Promise.all(wanted.map((name) => created({ type: 'crowd.live', data: { name } })));
      await created({ type: 'crowd.live', data: { name: 'last' } });
      for (const seen of [await one, await two]) expect([...seen].sort()).toEqual([...wanted, 'last'].sort());
      expect(await one).toEqual(await two);
    });
  });
});
