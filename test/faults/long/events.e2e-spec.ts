import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { onBothDatabases, type TestDatabase } from '../../support/databases.js';
import { allEnded, EVENT_SUBSCRIBERS, EVENT_TOWER, EventNotes } from '../../support/event-notes.js';
import { SHORT_LEASE } from '../../support/fleet.js';
import { type TowerProcess, TowerYard } from '../../support/tower-process.js';

const KILLS = 8;
const EVENTS_OF_CLIENT = 100;
const TEST_MS = 300_000;

onBothDatabases('events in three processes of which one is killed every now and then', (create) => {
  let database: TestDatabase;
  let yard: TowerYard;
  let notes: EventNotes;

  beforeEach(async () => {
    database = await create();
    yard = await TowerYard.open();
    notes = new EventNotes(yard.folder);
  });
  afterEach(async () => {
    await yard?.close();
    await database?.drop();
  });

  it(
    'reach each subscriber at least once, a second time under the same delivery id, and all end',
    async () => {
      const environment = { DATABASE_URL: database.url, ...SHORT_LEASE, ...notes.environment };
      const start = (): Promise<TowerProcess> => yard.start(environment, EVENT_TOWER);
      const towers: TowerProcess[] = [];
      for (let count = 0; count < 3; count += 1) towers.push(await start());
      const ids = new Set<string>();
      const halt = new AbortController();
      const client = async (own: number): Promise<void> => {
        for (let n = 0; n < EVENTS_OF_CLIENT && !halt.signal.aborted;) {
          const event = { type: 'durable.thing', source: `client-${own}`, data: {}, dedup_id: String(n) };
          // A process that dies answers nothing; the client asks another one, with the same name for the event.
          const { api } = towers[Math.floor(Math.random() * towers.length)];
          const answer = await api.post('/events', event).catch(() => null);
          if (answer?.status === 200) {
            ids.add(answer.body.event_id as string);
            n += 1;
          }
          await delay(40);
        }
      };
      const clients = [0, 1, 2, 3].map(client);
      try {
        for (let kill = 0; kill < KILLS; kill += 1) {
          await delay(200 + Math.random() * 800);
          const victim = Math.floor(Math.random() * towers.length);
          await towers[victim].kill();
          towers[victim] = await start();
        }
        await Promise.all(clients);
      } finally {
        halt.abort();
      }
      await allEnded(towers[0].api);
      const told = notes.read();
      process.stdout.write(
        `${ids.size} events, ${KILLS} kills: ${told.filter(({ what }) => what === 'begin').length} deliveries begun\n`,
      );
      for (const name of EVENT_SUBSCRIBERS) {
        const own = told.filter(({ subscriber }) => subscriber === name);
        const ended = new Set(own.filter(({ what }) => what === 'end').map(({ eventId }) => eventId));
        expect([...ids].filter((id) => !ended.has(id))).toEqual([]);
        const deliveries = new Map(own.map(({ eventId, deliveryId }) => [deliveryId, eventId]));
        expect(deliveries.size).toBe(new Set(deliveries.values()).size);
      }
      expect((await towers[0].api.get('/events?status=failed')).body).toEqual([]);
    },
    TEST_MS,
  );
});
