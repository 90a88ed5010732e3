import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { onBothDatabases, type TestDatabase } from '../support/databases.js';
import { allEnded, EVENT_SUBSCRIBERS, EVENT_TOWER, EventNotes } from '../support/event-notes.js';
import { type TowerProcess, TowerYard } from '../support/tower-process.js';

const EVENTS = 500;
const AT_ONCE = 10;
const TEST_MS = 180_000;

onBothDatabases('events in three processes', (create) => {
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
    'reach each of two subscribers exactly once when nothing crashes',
    async () => {
      const environment = { DATABASE_URL: database.url, ...notes.environment };
      const towers: TowerProcess[] = [];
      for (let count = 0; count < 3; count += 1) towers.push(await yard.start(environment, EVENT_TOWER));
      const ids: string[] = [];
      const left = Array.from({ length: EVENTS }, (_, n) => n);
      const client = async (): Promise<void> => {
        for (let n = left.shift(); n !== undefined; n = left.shift()) {
          const event = { type: 'durable.thing', source: 'test', data: { n } };
          const { status, body } = await towers[n % 3].api.post('/events', event);
          if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`);
          ids.push(body.event_id as string);
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, client));
      await allEnded(towers[0].api);
      const told = notes.read().filter(({ what }) => what === 'begin');
      expect(new Set(ids).size).toBe(EVENTS);
      for (const name of EVENT_SUBSCRIBERS) {
        const seen = told.filter(({ subscriber }) => subscriber === name).map(({ eventId }) => eventId);
        expect(seen.sort()).toEqual([...ids].sort());
      }
      expect(told.filter(({ attempt }) => attempt !== 1)).toEqual([]);
      expect((await towers[0].api.get('/events?status=failed')).body).toEqual([]);
      for (const tower of towers) expect((await tower.stop()).code).toBe(0);
    },
    TEST_MS,
  );
});
