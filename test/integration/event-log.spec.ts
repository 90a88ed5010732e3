import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { PortableDataSource } from '../../src/database/portable-data-source.js';
import { sqlClock } from '../../src/database/statements.js';
import { EventLog } from '../../src/events/event-log.js';
import { EventEntity } from '../../src/events/event.entity.js';
import { insertEvents } from '../../src/events/insert-events.js';
import { Signals } from '../../src/signals/signals.js';
import { onBothDatabases, type TestDatabase } from '../support/databases.js';
import { towerDataSource } from '../support/tower-data-source.js';

onBothDatabases('the log of events', (create) => {
  let database: TestDatabase;
  let dataSource: PortableDataSource;
  let log: EventLog;
  let announced: number;

  beforeEach(async () => {
    database = await create();
    dataSource = await towerDataSource(database.url);
    const signals = new Signals();
    announced = 0;
    signals.on('events', () => (announced += 1));
    log = new EventLog(dataSource, signals);
  });
  afterEach(async () => {
    await dataSource.destroy();
    await database.drop();
  });

  const stored = (): Promise<EventEntity[]> =>
    dataSource.manager.find(EventEntity, { order: { createdAt: 'ASC', id: 'ASC' } });
  const push = { type: 'development.code_commit', source: 'git', data: { ref: 'main', files: [1, null] } };

  it('keeps an event as it was recorded, and announces it', async () => {
    const { event } = await log.record({
      ...push,
      priority: 'critical',
      tags: { team: 'a' },
      causedBy: { kind: 'task', id: 't' },
      actor: 'agent:x',
    });
    expect(announced).toBe(1);
    expect(await stored()).toEqual([event]);
    expect(event).toMatchObject({
      ...push,
      priority: 'critical',
      priorityRank: 0,
      tags: { team: 'a' },
      status: 'pending',
      causedBy: { kind: 'task', id: 't' },
      actor: 'agent:x',
    });
    expect(Math.abs(event.createdAt.getTime() - Date.now())).toBeLessThan(60_000);
  });

  it('stores what a source sends twice once, and what two sources call alike twice', async () => {
    const first = await log.record({ ...push, dedupId: '1' });
    const again = await log.record({ ...push, data: { other: true }, dedupId: '1' });
    expect(again).toEqual({ event: first.event, replayed: true });
    await log.record({ ...push, source: 'other', dedupId: '1' });
    await log.record(push);
    await log.record(push);
    expect(await stored()).toHaveLength(4);
    expect(announced).toBe(4);
  });

  it('stores one of any number of equal events that come at once', async () => {
    const recorded = await Promise.all(
      Array.from({ length: 20 }, () => log.record({ ...push, dedupId: 'race' })),
    );
    expect(new Set(recorded.map(({ event }) => event.id)).size).toBe(1);
    expect(recorded.filter(({ replayed }) => !replayed)).toHaveLength(1);
  });

  it('belongs to the transaction that it is given: nothing is left of one that is rolled back', async () => {
    const doomed = dataSource.transaction(async (manager) => {
      await log.record(push, manager);
      await insertEvents(manager, sqlClock(dataSource), [push, push]);
      throw new Error('rolled back on purpose');
    });
    await expect(doomed).rejects.toThrow('on purpose');
    await dataSource.transaction((manager) =>
      insertEvents(manager, sqlClock(dataSource), [push, { ...push, priority: 'low' }]),
    );
    expect((await stored()).map(({ priority }) => priority).sort()).toEqual(['low', 'medium']);
    expect(announced).toBe(0);
  });

  it('stores what a database refuses: NUL and half a surrogate pair', async () => {
    const { event } = await log.record({ ...push, data: { text: 'a\0b\uD800', deep: ['\0'] } });
    expect(event.data).toEqual({ text: 'a\uFFFDb\uFFFD', deep: ['\uFFFD'] });
  });
});
