import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { getDataSourceToken } from '@nestjs/typeorm';
import { RetentionSchedule } from '../../src/retention/retention-schedule.js';
import { RETAINED, RetentionService } from '../../src/retention/retention.service.js';
import { FinishedTasks } from '../../src/tasks/queue/finished-tasks.js';
import { TaskEntity } from '../../src/tasks/task.entity.js';
import { onBothDatabases, type TestDatabase } from '../support/databases.js';
import { SmallDisk } from '../support/small-disk.js';
import { TaskRooms } from '../support/task-rooms.js';
import { Tower } from '../support/tower.js';
import { until } from '../support/until.js';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const daysAgo = (days: number): Date => new Date(Date.now() - days * DAY_MS);
const never = new AbortController().signal;

onBothDatabases('retention', (create, name) => {
  let database: TestDatabase;
  let rooms: TaskRooms;
  let towers: Tower[];

  beforeEach(async () => {
    database = await create();
    rooms = await TaskRooms.open(database.url);
    towers = [];
  });
  afterEach(async () => {
    jest.useRealTimers();
    for (const tower of towers) await tower.stop();
    await rooms.close();
    await database.drop();
  });

  /** A tower in this process that begins nothing by itself, unless its role is `all`. */
  async function tower(environment: Record<string, string> = {}): Promise<Tower> {
    const started = await Tower.start(database.url, { JCT_ROLE: 'api', ...environment });
    towers.push(started);
    return started;
  }

  /** A task that ended 40 days ago, with one run and one callback; then copies of all three. */
  async function finished(copies: number): Promise<void> {
    const id = await rooms.enqueue({ callbackUrl: 'http://127.0.0.1:9/hook' });
    const [{ runId }] = await rooms.claim();
    await rooms.queue.settle(runId, { status: 'completed', result: {} }, null);
    await rooms.age(id, 'completedAt', 40 * 86_400);
    for (const [table, first] of [
      ['tasks', 'id'],
      ['task_runs', 'task_id'],
      ['callbacks', 'task_id'],
    ]) {
      const metadata = rooms.dataSource.entityMetadatas.find(({ tableName }) => tableName === table)!;
      const columns = metadata.columns.map(({ databaseName }) => databaseName);
      const copy =
        name === 'PostgreSQL'
          ? `('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid`
          : `printf('00000000-0000-7000-8000-%012d', n)`;
      const values = columns.map((column) => (column === 'id' || column === first ? copy : column));
      await rooms.dataSource.query(
        `WITH RECURSIVE copies(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM copies WHERE n < ${copies})
         INSERT INTO ${table} (${columns.join(', ')})
         SELECT ${values.join(', ')} FROM copies, (SELECT * FROM ${table} WHERE ${first} = '${id}') AS original`,
      );
    }
  }

  const rowsOf = async (table: string): Promise<number> => {
    const [{ count }] = await rooms.dataSource.query<[{ count: number }]>(
      `SELECT count(*) AS count FROM ${table}`,
    );
    return Number(count);
  };

  it('removes 10,000 tasks with their runs and callbacks while others are handed in, claimed and settled', async () => {
    await finished(9_999);
    const tasks = new FinishedTasks(rooms.dataSource);
    const retention = (await tower()).app.get(RetentionService);
    expect(await retention.sweep({ what: 'tasks', olderThanDays: 30, dryRun: true }, never)).toMatchObject({
      removed: 10_000,
    });
    expect(await rowsOf('tasks')).toBe(10_000);

    let going = true;
    const sweep = retention
      .sweep({ what: 'tasks', olderThanDays: 30, dryRun: false }, never)
      .finally(() => (going = false));
    let between = 0;
    let done = 0;
    while (going) {
      // SQLite answers without a turn of the event loop: this loop alone would keep everybody else waiting.
      await delay(1);
      const id = await rooms.enqueue();
      const [claimed] = await rooms.claim();
      expect(claimed.id).toBe(id);
      expect((await rooms.queue.settle(claimed.runId, { status: 'completed', result: {} }, null)).kept).toBe(
        true,
      );
      done += 1;
      const left = await tasks.count(30);
      if (left > 0 && left < 10_000) between += 1;
    }
    expect((await sweep).removed).toBe(10_000);
    expect(between).toBeGreaterThan(3);
    expect([await rowsOf('tasks'), await rowsOf('task_runs'), await rowsOf('callbacks')]).toEqual([
      done,
      done,
      0,
    ]);
  });

  it('takes at most a batch at once, and stops between two of them', async () => {
    await finished(500);
    const tasks = new FinishedTasks(rooms.dataSource);
    expect(await tasks.remove(30, 100)).toHaveLength(100);
    const stop = new AbortController();
    stop.abort();
    const retention = (await tower()).app.get(RetentionService);
    await retention.sweep({ what: 'tasks', olderThanDays: 30, dryRun: false }, stop.signal);
    expect(await rowsOf('tasks')).toBe(401);
  });

  if (name === 'PostgreSQL') {
    it('waits for no row that somebody else has locked, and removes it the next time', async () => {
      await finished(300);
      const tasks = new FinishedTasks(rooms.dataSource);
      await rooms.dataSource.transaction(async (manager) => {
        await manager.query('SELECT id FROM tasks ORDER BY id LIMIT 1 FOR UPDATE');
        let removed = 0;
        for (let ids = await tasks.remove(30, 100); ids.length > 0; ids = await tasks.remove(30, 100))
          removed += ids.length;
        expect(removed).toBe(300);
      });
      expect(await tasks.remove(30, 100)).toHaveLength(1);
    });
  }

  /** A task that was handed in 40 days ago, really run, and ended then. @returns its id */
  async function ranLongAgo(api: Tower['api'], changes: object = {}): Promise<string> {
    const id = await api.accepted({
      type: 'test',
      payload: { script: 'echo done' },
      options: { run_at: new Date(Date.now() + HOUR_MS).toISOString() },
      ...changes,
    });
    await rooms.dataSource.manager.update(TaskEntity, { id }, { createdAt: daysAgo(40) });
    await rooms.age(id, 'runAt');
    expect(await api.ended(id)).toMatchObject({ status: 'completed' });
    await rooms.age(id, 'completedAt', 40 * 86_400);
    return id;
  }

  it('removes a task with its run, late result, callback, trace and empty day on demand, and tells before what would go', async () => {
    const { api, traceRoot } = await tower({ JCT_ROLE: 'all', JCT_ALLOW_PRIVATE_TARGETS: 'true' });
    const old = await ranLongAgo(api, { callback_url: 'http://127.0.0.1:9/hook' });
    const recent = await api.run({ type: 'test', payload: { script: 'echo done' } });
    const { trace_path: trace } = await api.task(old);
    const day = daysAgo(40).toISOString().slice(0, 10);
    expect(trace).toMatch(new RegExp(`^${day}/`));
    await rooms.dataSource.query(`UPDATE task_runs SET late_result = '{}' WHERE task_id = $1`, [old]);

    const cleanUp = async (what: string, dryRun: boolean): Promise<number> => {
      const task = await api.run({ type: 'cleanup', payload: { what, dry_run: dryRun } });
      expect(task).toMatchObject({ status: 'completed', result: { older_than_days: 30 } });
      return task.result.removed as number;
    };
    expect(await cleanUp('tasks', true)).toBe(1);
    expect(await cleanUp('traces', true)).toBe(1);
    expect(await api.task(old)).toMatchObject({ status: 'completed' });
    expect(await cleanUp('tasks', false)).toBe(1);
    expect((await api.get(`/tasks/${old}`)).status).toBe(404);
    for (const table of ['task_runs', 'callbacks']) {
      expect(await rooms.dataSource.query(`SELECT id FROM ${table} WHERE task_id = $1`, [old])).toEqual([]);
    }
    expect(existsSync(join(traceRoot, trace as string))).toBe(true);
    expect(await cleanUp('traces', false)).toBe(1);
    expect(existsSync(join(traceRoot, day))).toBe(false);
    expect((await api.get(`/tasks/${recent.task_id}/trace/verify`)).body.ok).toBe(true);
  });

  /** Folders as they are left when the rows of their tasks are gone. */
  function orphans(root: string, count: number): string[] {
    const day = daysAgo(40).toISOString().slice(0, 10);
    const paths = Array.from(
      { length: count },
      (_, index) => `${day}/00000000-0000-7000-8000-${String(index).padStart(12, '0')}`,
    );
    for (const path of paths) mkdirSync(join(root, path, 'run-1'), { recursive: true });
    return paths;
  }

  it('does no harm when two processes begin at once', async () => {
    await finished(1_999);
    const first = await tower();
    const second = await tower({ JCT_TRACE_ROOT: first.traceRoot });
    orphans(first.traceRoot, 300);
    const both = [first, second].map(({ app }) => app.get(RetentionService));
    const counts = await Promise.all(
      both.map((each) => each.sweep({ what: 'tasks', olderThanDays: 30, dryRun: false }, never)),
    );
    expect(counts[0].removed + counts[1].removed).toBe(2_000);
    await Promise.all(
      both.map((each) => each.sweep({ what: 'traces', olderThanDays: 30, dryRun: false }, never)),
    );
    expect(readdirSync(first.traceRoot)).toEqual([]);
  });

  (SmallDisk.usable ? it : it.skip)(
    `removes the other traces when one cannot be removed, and says which${SmallDisk.usable ? '' : ' (skipped: this user may not mount)'}`,
    async () => {
      const { app, traceRoot } = await tower();
      const [stuck] = orphans(traceRoot, 5);
      const disk = SmallDisk.mount('size=64k', join(traceRoot, stuck, 'run-1'));
      const sweep = (): Promise<unknown> =>
        app.get(RetentionService).sweep({ what: 'traces', olderThanDays: 30, dryRun: false }, never);
      await expect(sweep()).rejects.toThrow(
        `1 traces could not be removed (4 were), the first: ${stuck}: EBUSY`,
      );
      disk.unmount();
      await sweep();
      expect(readdirSync(traceRoot)).toEqual([]);
    },
  );

  it('F37 runs once for the ticks that it missed, and after a failure again at the next', async () => {
    await finished(250);
    const { app, traceRoot } = await tower();
    orphans(traceRoot, 5);
    const dataSource = app.get<DataSource>(getDataSourceToken());
    const schedule = app.get(RetentionSchedule);
    const sweeps = jest.spyOn(app.get(RetentionService), 'sweep');
    // The database fails in the middle of a batch: its runs are gone by then, its callbacks cannot go.
    await dataSource.query('ALTER TABLE callbacks RENAME TO elsewhere');
    jest.useFakeTimers({
      doNotFake: [
        'setTimeout',
        'setImmediate',
        'nextTick',
        'performance',
        'Date',
        'queueMicrotask',
        'clearTimeout',
        'clearImmediate',
        'hrtime',
      ],
    });
    schedule.start();
    jest.advanceTimersByTime(3 * HOUR_MS);
    await until(() => !existsSync(traceRoot) || readdirSync(traceRoot).length === 0);
    expect([await rowsOf('tasks'), await rowsOf('task_runs')]).toEqual([251, 251]);
    await until(() => sweeps.mock.calls.length === RETAINED.length);
    await dataSource.query('ALTER TABLE elsewhere RENAME TO callbacks');
    await sweeps.mock.results.at(-1)!.value;
    await delay(0);
    jest.advanceTimersByTime(HOUR_MS);
    await until(async () => (await rowsOf('tasks')) === 0);
    await schedule.stop();
    expect(sweeps).toHaveBeenCalledTimes(2 * RETAINED.length);
  });
});
