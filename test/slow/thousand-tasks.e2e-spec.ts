import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { onBothDatabases, type TestDatabase } from '../support/databases.js';
import { TowerYard } from '../support/tower-process.js';

const TASKS = 1_000;
const AT_ONCE = 20;

onBothDatabases('a tower with 1,000 tasks', (create) => {
  let database: TestDatabase;
  let yard: TowerYard;

  beforeAll(async () => {
    database = await create();
    yard = await TowerYard.open();
  });
  afterAll(async () => {
    await yard?.close();
    await database?.drop();
  });

  it('completes each of them, each in exactly one run', async () => {
    const { api } = await yard.start({ DATABASE_URL: database.url, JCT_WORKER_CONCURRENCY: '8' });
    const each = async <T>(items: T[], work: (item: T) => Promise<void>): Promise<void> => {
      for (let from = 0; from < items.length; from += AT_ONCE) {
        await Promise.all(items.slice(from, from + AT_ONCE).map(work));
      }
    };
    const ids: string[] = [];
    await each(Array.from({ length: TASKS }), async () => {
      ids.push(await api.accepted({ type: 'test', payload: { script: 'true' } }));
    });
    // One after the other, as they are claimed: a thousand watchers would be the load that is measured.
    for (const id of ids) {
      expect(await api.ended(id)).toMatchObject({ status: 'completed', attempt: 1, max_attempts: 1 });
    }
    await each(ids, async (id) => {
      const { items } = (await api.get(`/tasks/${id}/runs`)).body;
      expect(items).toMatchObject([{ number: 1, status: 'completed', trace_complete: true }]);
    });
    const stats = (await api.get('/tasks/stats')).body;
    expect(stats.by_status).toMatchObject({ completed: TASKS, queued: 0, running: 0, failed: 0 });

    const root = join(yard.folder, 'traces');
    const folders = readdirSync(root).flatMap((day) =>
      readdirSync(join(root, day)).map((task) => join(root, day, task)),
    );
    expect(folders).toHaveLength(TASKS);
    for (const folder of folders) expect(readdirSync(folder)).toEqual(['run-1']);
    for (const id of ids.filter((_, index) => index % 50 === 0)) {
      expect((await api.get(`/tasks/${id}/trace/verify`)).body.ok).toBe(true);
    }
    expect(readdirSync(join(yard.folder, 'workspaces', 'runs'))).toEqual([]);
  }, 240_000);
});
