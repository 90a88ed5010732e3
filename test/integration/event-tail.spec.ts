import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { sqlClock } from '../../src/database/statements.js';
import { EventTail, type TailPosition } from '../../src/events/event-tail.js';
import { insertEvents } from '../../src/events/insert-events.js';
import { OldEvents } from '../../src/events/old-events.js';
import { onBothDatabases, type TestDatabase } from '../support/databases.js';
import { EventRooms } from '../support/event-rooms.js';

onBothDatabases('the tail of events', (create, name) => {
  let database: TestDatabase;
  let rooms: EventRooms;
  let tail: EventTail;

  beforeEach(async () => {
    database = await create();
    rooms = await EventRooms.open(database.url);
    tail = new EventTail(rooms.dataSource);
  });
  afterEach(async () => {
    await rooms.close();
    await database.drop();
  });

  /** The names of the next events, when there are so many; and where a reader goes on. */
  async function read(
    from: TailPosition,
    count: number,
  ): Promise<{ names: string[]; position: TailPosition }> {
    const names: string[] = [];
    let position = from;
    while (names.length < count) {
      const part = await tail.read(position);
      ({ position } = part);
      names.push(...part.events.map(({ data }) => data['name'] as string));
    }
    return { names, position };
  }
  const record = (text: string): Promise<string> => rooms.record({ data: { name: text } });

  it('goes on after any event, in the order in which they were recorded', async () => {
    const ids = [];
    for (const text of ['a', 'b', 'c', 'd']) ids.push(await record(text));
    expect((await read(await tail.positionAfter(ids[1]), 2)).names).toEqual(['c', 'd']);
  });

  it('begins with what comes from now on when nothing was seen, or what was seen is no event', async () => {
    await record('old');
    await new Promise((resolve) => setTimeout(resolve, 200));
    const positions = [await tail.positionAfter(null), await tail.positionAfter('nonsense')];
    await record('new');
    for (const position of positions) expect((await read(position, 1)).names).toEqual(['new']);
  });

  it('goes on with the next one when the event that was seen last has been deleted', async () => {
    const first = await record('first');
    await record('second');
    await rooms.dataSource.query(`DELETE FROM events WHERE id = '${first}'`);
    expect((await read(await tail.positionAfter(first), 1)).names).toEqual(['second']);
  });

  it('passes over no event whose transaction began early and ended late', async () => {
    const position = await tail.positionAfter(null);
    let commit!: () => void;
    const held = new Promise<void>((resolve) => (commit = resolve));
    let begun!: () => void;
    const open = new Promise<void>((resolve) => (begun = resolve));
    const clock = sqlClock(rooms.dataSource);
    const late = rooms.dataSource.transaction(async (manager) => {
      await insertEvents(manager, clock, [{ type: 'test.x', source: 't', data: { name: 'early' } }]);
      begun();
      await held;
    });
    await open;
    // SQLite has one writer: the other one comes after it.
    const younger = record('younger');
    if (name === 'PostgreSQL') {
      await younger;
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(await tail.read(position)).toMatchObject({ events: [], more: true });
    }
    commit();
    await Promise.all([late, younger]);
    expect((await read(position, 2)).names).toEqual(['early', 'younger']);
  });

  it('is unmoved by the removal of old events, which takes ended ones and their deliveries only', async () => {
    rooms.subscribe({ name: 'agent:a' });
    const [ended, open] = [await record('ended'), await record('open')];
    await rooms.dispatch.dispatch();
    const [delivery] = await rooms.queue.claim('agent:a', 1, 60);
    await rooms.queue.settle(delivery, { status: 'completed', outcome: null }, 1);
    const position = await tail.positionAfter(open);
    const recent = await rooms.record({ type: 'other.x', data: { name: 'recent' } });
    await rooms.dispatch.dispatch();
    await rooms.dataSource.query(
      `UPDATE events SET created_at = '2020-01-01 00:00:00' WHERE id IN ('${ended}', '${open}')`,
    );
    const old = new OldEvents(rooms.dataSource);
    expect(await old.count(30)).toBe(1);
    expect(await old.remove(30, 10)).toEqual([ended]);
    expect(await old.remove(30, 10)).toEqual([]);
    expect(await rooms.deliveries(ended)).toEqual({});
    expect((await rooms.event(open)).status).toBe('processing');
    expect((await rooms.event(recent)).status).toBe('completed');
    expect((await read(position, 1)).names).toEqual(['recent']);
  });
});
