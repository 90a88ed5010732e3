import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { isUniqueViolation } from '../../src/database/database-errors.js';
import { FinishedTasks } from '../../src/tasks/queue/finished-tasks.js';
import type { ClaimedTask } from '../../src/tasks/queue/task-queue.js';
import { LOST_ALONE_MAX, LOST_RUNS_MAX } from '../../src/tasks/queue/lost-run.js';
import { TaskRunEntity } from '../../src/tasks/task-run.entity.js';
import { onBothDatabases, type TestDatabase } from '../support/databases.js';
import { newTask } from '../support/new-task.js';
import { TaskRooms } from '../support/task-rooms.js';

const FAILED = {
  status: 'failed',
  failure: { reason: 'exit_code', message: 'ended with 1' },
  result: {},
} as const;
const COMPLETED = { status: 'completed', result: { exit_code: 0 } } as const;

onBothDatabases('task queue', (create) => {
  let database: TestDatabase;
  let rooms: TaskRooms;
  const others: TaskRooms[] = [];

  beforeEach(async () => {
    database = await create();
    rooms = await TaskRooms.open(database.url);
  });
  afterEach(async () => {
    for (const each of [rooms, ...others.splice(0)]) await each.close();
    await database.drop();
  });

  const claimIds = async (limit: number): Promise<string[]> => (await rooms.claim(limit)).map(({ id }) => id);

  const claimOne = async (): Promise<ClaimedTask> => (await rooms.claim())[0];

  it('hands out critical, high, medium, low, and the oldest first among equals', async () => {
    const ids: Record<string, string> = {};
    for (const priority of ['low', 'medium', 'high', 'critical', 'medium'] as const) {
      const id = await rooms.enqueue({ priority });
      ids[priority] ??= id;
      ids[`last ${priority}`] = id;
    }
    expect(await claimIds(10)).toEqual([
      ids['critical'],
      ids['high'],
      ids['medium'],
      ids['last medium'],
      ids['low'],
    ]);
  });

  it('gives each task to one claimant, whatever number claim at once', async () => {
    const ids = await Promise.all(Array.from({ length: 60 }, () => rooms.enqueue()));
    for (let i = 0; i < 3; i += 1) others.push(await TaskRooms.open(database.url));
    const claimed = await Promise.all([rooms, ...others].flatMap((each) => [each.claim(10), each.claim(10)]));
    const taken = claimed.flat();
    taken.push(...(await rooms.claim(60)));
    expect(taken.map(({ id }) => id).sort()).toEqual([...ids].sort());
    expect(new Set(taken.map(({ runId }) => runId)).size).toBe(ids.length);
  });

  it('never claims more than asked for', async () => {
    for (let i = 0; i < 5; i += 1) await rooms.enqueue();
    expect(await claimIds(2)).toHaveLength(2);
  });

  it('leaves other queues and unknown types to workers that have them', async () => {
    await rooms.enqueue({ queue: 'gpu' });
    await rooms.enqueue({ type: 'unknown-here' });
    expect(await claimIds(10)).toEqual([]);
    expect(await rooms.claim(10, 60, 'gpu')).toHaveLength(1);
  });

  it('names the trace folder and sets lease, attempt and worker when it claims', async () => {
    const id = await rooms.enqueue();
    const [task] = await rooms.claim();
    const day = task.createdAt.toISOString().slice(0, 10);
    expect(task).toMatchObject({
      id,
      status: 'running',
      attempt: 1,
      workerId: 'worker-1',
      tracePath: `${day}/${id}/run-1`,
    });
    const lease = task.leaseExpiresAt!.getTime() - task.startedAt!.getTime();
    expect(Math.abs(lease - 60_000)).toBeLessThan(50);
  });

  it('ends a task once: the second result of the same run is refused', async () => {
    const id = await rooms.enqueue();
    const { runId } = await claimOne();
    const [first, second] = await Promise.all([
      rooms.queue.settle(runId, COMPLETED, 'a'.repeat(64)),
      rooms.queue.settle(runId, FAILED, null),
    ]);
    expect([first.kept, second.kept].sort()).toEqual([false, true]);
    const runs = await rooms.dataSource.manager.findBy(TaskRunEntity, { taskId: id });
    expect(runs).toHaveLength(1);
  });

  it('keeps what a run said in its own row', async () => {
    const id = await rooms.enqueue();
    const { runId } = await claimOne();
    await rooms.queue.settle(runId, FAILED, 'b'.repeat(64));
    expect(await rooms.task(id)).toMatchObject({
      status: 'failed',
      failureReason: 'exit_code',
      error: 'ended with 1',
      runId: null,
    });
    const run = await rooms.dataSource.manager.findOneByOrFail(TaskRunEntity, { id: runId });
    expect(run).toMatchObject({ taskId: id, number: 1, status: 'failed', manifestSha256: 'b'.repeat(64) });
  });

  it('stores what a command said even where a database cannot, and bounds what is too large', async () => {
    const odd = { text: 'a\0b\ud800c', emoji: '🚀' };
    const id = await rooms.enqueue();
    await rooms.queue.settle(
      (await claimOne()).runId,
      { ...FAILED, failure: { reason: 'check', message: 'x\0' }, result: odd },
      null,
    );
    expect(await rooms.task(id)).toMatchObject({
      error: 'x\uFFFD',
      result: { text: 'a\uFFFDb\uFFFDc', emoji: '🚀' },
    });
    const large = await rooms.enqueue();
    await rooms.queue.settle(
      (await claimOne()).runId,
      { ...COMPLETED, result: { text: 'x'.repeat(100_000) } },
      null,
    );
    expect((await rooms.task(large)).result).toEqual({ truncated: true, size_bytes: 100_011 });
  });

  it('renews the leases that are held, and reports those that are lost and those to be cancelled', async () => {
    const ids = [await rooms.enqueue(), await rooms.enqueue(), await rooms.enqueue()];
    const claimed = await rooms.claim(3, 1);
    const [kept, lost, cancelled] = ids.map((id) => claimed.find((task) => task.id === id)!.runId);
    await rooms.queue.settle(lost, COMPLETED, null);
    await rooms.control.cancel(ids[2], 'because');
    const renewed = await rooms.queue.renew([kept, lost, cancelled], 600);
    expect(renewed).toEqual(
      new Map([
        [kept, { cancelRequested: false }],
        [cancelled, { cancelRequested: true }],
      ]),
    );
    expect((await rooms.task(ids[0])).leaseExpiresAt!.getTime()).toBeGreaterThan(Date.now() + 500_000);
  });

  it('queues the task of a silent worker again, without using up its attempts, and refuses the late result', async () => {
    const id = await rooms.enqueue();
    const { runId } = await claimOne();
    expect(await rooms.upkeep.reap()).toEqual([]);
    await rooms.age(id, 'leaseExpiresAt');
    const reaped = await Promise.all([rooms.upkeep.reap(), rooms.upkeep.reap()]);
    expect(reaped.flat()).toEqual([{ taskId: id, runId, workerId: 'worker-1', status: 'queued' }]);
    expect((await rooms.queue.settle(runId, COMPLETED, null)).kept).toBe(false);
    const [again] = await rooms.claim();
    expect(again).toMatchObject({ id, attempt: 2, excusedRuns: 1 });
    expect(again.runId).not.toBe(runId);
  });

  it('ends the runs of dead workers although one of them cannot be ended', async () => {
    const ids = [await rooms.enqueue(), await rooms.enqueue()];
    await rooms.claim(2);
    // A row as nobody should have written it: its run cannot be stored.
    await rooms.dataSource.query('UPDATE tasks SET worker_id = NULL WHERE id = $1', [ids[0]]);
    await rooms.age(ids[0], 'leaseExpiresAt', 60);
    await rooms.age(ids[1], 'leaseExpiresAt');
    expect(await rooms.upkeep.reap()).toMatchObject([{ taskId: ids[1], status: 'queued' }]);
  });

  it('loses against a worker that renewed in the last moment', async () => {
    const id = await rooms.enqueue();
    const { runId } = await claimOne();
    const lost = { status: 'lost', failure: { reason: 'worker_lost', message: '' } } as const;
    expect((await rooms.queue.settleExpired(runId, lost, null)).kept).toBe(false);
    expect((await rooms.task(id)).status).toBe('running');
  });

  /** All that wait are run by a worker of their own, which dies. */
  const loseAll = async (worker: string, random = () => 1): Promise<string[]> => {
    const ids = (await rooms.claim(10, 60, 'default', worker)).map(({ id }) => id);
    for (const id of ids) await rooms.age(id, 'leaseExpiresAt');
    await rooms.upkeep.reap(undefined, random);
    return ids;
  };
  const runAtOnce = async (ids: string[]): Promise<void> => {
    for (const id of ids) await rooms.age(id, 'runAt');
    await rooms.upkeep.promoteDue();
  };

  it('fails a task that has cost too many workers', async () => {
    const id = await rooms.enqueue();
    // One worker that was cut off, not killed, and lost it each time: it had no company but itself.
    for (let lost = 1; lost <= LOST_ALONE_MAX; lost += 1) {
      expect(await rooms.task(id)).toMatchObject({ status: 'queued', hold: null });
      await loseAll('cut off');
    }
    expect(await rooms.task(id)).toMatchObject({ status: 'failed', failureReason: 'worker_lost' });
    expect(await claimIds(1)).toEqual([]);
  });

  it('keeps tasks that were lost together apart, and gives up that which is then lost alone', async () => {
    const [innocent, cause] = [await rooms.enqueue(), await rooms.enqueue()];
    expect(await loseAll('first')).toHaveLength(2);
    expect(await rooms.task(cause)).toMatchObject({ status: 'queued', hold: null });
    expect(await loseAll('second')).toHaveLength(2);
    for (const id of [innocent, cause]) {
      const { hold, runAt, updatedAt } = await rooms.task(id);
      expect(hold).toBe('schedule');
      expect(runAt.getTime() - updatedAt.getTime()).toBe(20_000);
    }
    await runAtOnce([cause]);
    expect(await loseAll('third')).toEqual([cause]);
    expect(await rooms.task(cause)).toMatchObject({ status: 'failed', failureReason: 'worker_lost' });

    await runAtOnce([innocent]);
    await rooms.queue.settle((await claimOne()).runId, COMPLETED, null);
    expect(await rooms.task(innocent)).toMatchObject({ status: 'completed', attempt: 3, excusedRuns: 2 });
  });

  it('gives up tasks that are always lost together at last', async () => {
    const ids = [await rooms.enqueue(), await rooms.enqueue({ maxAttempts: 2 })];
    for (let lost = 1; lost <= LOST_RUNS_MAX; lost += 1) {
      for (const id of ids) expect((await rooms.task(id)).status).toBe('queued');
      await runAtOnce(ids);
      expect(await loseAll(`worker ${lost}`)).toHaveLength(2);
    }
    for (const id of ids)
      expect(await rooms.task(id)).toMatchObject({ status: 'failed', failureReason: 'worker_lost' });
  });

  it('counts as company of a lost run what its worker still runs, and what was given up there', async () => {
    const given = await rooms.enqueue();
    for (let times = 1; times <= LOST_ALONE_MAX; times += 1) await loseAll('cut off');
    expect(await rooms.task(given)).toMatchObject({ status: 'failed' });
    const lost = await rooms.enqueue();
    for (let times = 1; times < LOST_ALONE_MAX; times += 1) await loseAll('another');

    await loseAll('cut off');
    expect(await rooms.task(lost)).toMatchObject({ status: 'queued', hold: 'schedule' });
    await rooms.enqueue();
    await runAtOnce([lost]);
    await rooms.claim(10, 60, 'default', 'half silent');
    await rooms.age(lost, 'leaseExpiresAt');
    expect(await rooms.upkeep.reap()).toMatchObject([{ taskId: lost, status: 'queued' }]);
  });

  it('cancels a task whose cancellation was requested when its last run is lost', async () => {
    const id = await rooms.enqueue();
    for (let lost = 1; lost < LOST_ALONE_MAX; lost += 1) await loseAll(`worker ${lost}`);
    await rooms.claim();
    await rooms.control.cancel(id, 'because');
    await rooms.age(id, 'leaseExpiresAt');
    expect(await rooms.upkeep.reap()).toMatchObject([{ taskId: id, status: 'cancelled' }]);
    expect(await rooms.task(id)).toMatchObject({
      status: 'cancelled',
      failureReason: 'cancelled',
      hold: null,
    });
  });

  it('holds a retry back until its time has come', async () => {
    const id = await rooms.enqueue({ maxAttempts: 2 });
    const { runId } = await claimOne();
    const retry = { ...FAILED, status: 'retry', delaySeconds: 30 } as const;
    await rooms.queue.settle(runId, retry, null);
    expect(await rooms.task(id)).toMatchObject({ status: 'queued', hold: 'schedule' });
    expect(await rooms.upkeep.promoteDue()).toBe(0);
    await rooms.age(id, 'runAt');
    expect(await rooms.upkeep.promoteDue()).toBe(1);
    expect(await claimIds(1)).toEqual([id]);
  });

  it('cancels instead of queueing again when that was asked for meanwhile', async () => {
    const ending = [
      { ...FAILED, status: 'retry', delaySeconds: 1 },
      { status: 'released', failure: { reason: 'worker_lost', message: '' } },
      { status: 'lost', failure: { reason: 'worker_lost', message: '' } },
    ] as const;
    for (const each of ending) {
      const id = await rooms.enqueue({ maxAttempts: 9 });
      const { runId } = await claimOne();
      await rooms.control.cancel(id, 'because');
      await rooms.queue.settle(runId, each, null);
      expect(await rooms.task(id)).toMatchObject({
        status: 'cancelled',
        failureReason: 'cancelled',
        hold: null,
      });
    }
  });

  it('cancels a waiting task at once, and once', async () => {
    const id = await rooms.enqueue();
    const cancelled = await Promise.all([rooms.control.cancel(id, 'a'), rooms.control.cancel(id, 'b')]);
    expect(cancelled.map((task) => task?.status)).toEqual(['cancelled', 'cancelled']);
    expect(await claimIds(1)).toEqual([]);
  });

  it('starts nothing before run_at and nothing after expires_at', async () => {
    const later = await rooms.enqueue({ runAt: new Date(Date.now() + 3_600_000) });
    const expired = await rooms.enqueue({ expiresAt: new Date(Date.now() - 1_000) });
    expect(await claimIds(10)).toEqual([]);
    expect(await rooms.upkeep.failExpired()).toBe(1);
    expect(await rooms.task(expired)).toMatchObject({ status: 'failed', failureReason: 'expired' });
    await rooms.age(later, 'runAt');
    await rooms.upkeep.promoteDue();
    expect(await claimIds(10)).toEqual([later]);
  });

  it('runs one task of a concurrency key at a time, the most urgent next', async () => {
    const first = await rooms.enqueue({ concurrencyKey: 'deploy' });
    const low = await rooms.enqueue({ concurrencyKey: 'deploy', priority: 'low' });
    const high = await rooms.enqueue({ concurrencyKey: 'deploy', priority: 'high' });
    const free = await rooms.enqueue({ concurrencyKey: 'other' });
    const claimed = await rooms.claim(10);
    expect(claimed.map(({ id }) => id)).toEqual([first, free]);
    await rooms.queue.settle(claimed[0].runId, COMPLETED, null);
    const [next] = await rooms.claim(10);
    expect(next.id).toBe(high);
    await rooms.control.cancel(high, 'because');
    expect(await claimIds(10)).toEqual([]);
    await rooms.queue.settle(next.runId, { ...FAILED, status: 'cancelled' }, null);
    expect(await claimIds(10)).toEqual([low]);
  });

  it('lets the next one through when the holder of a key is cancelled, expires or waits for its retry', async () => {
    const endHolder = [
      (id: string) => rooms.control.cancel(id, 'because'),
      async (id: string) => {
        await rooms.age(id, 'expiresAt');
        await rooms.upkeep.failExpired();
      },
      async (id: string) => {
        const [task] = await rooms.claim();
        expect(task.id).toBe(id);
        await rooms.queue.settle(task.runId, { ...FAILED, status: 'retry', delaySeconds: 60 }, null);
      },
    ];
    for (const [index, end] of endHolder.entries()) {
      const key = `key-${index}`;
      const holder = await rooms.enqueue({
        concurrencyKey: key,
        maxAttempts: 3,
        expiresAt: new Date(Date.now() + 60_000),
      });
      const waiting = await rooms.enqueue({ concurrencyKey: key });
      await end(holder);
      expect(await claimIds(10)).toEqual([waiting]);
    }
  });

  it('has one holder of a key even when many processes enqueue and settle at once', async () => {
    for (let i = 0; i < 2; i += 1) others.push(await TaskRooms.open(database.url));
    const all = [rooms, ...others];
    await Promise.all(Array.from({ length: 30 }, (_, i) => all[i % 3].enqueue({ concurrencyKey: 'k' })));
    let done = 0;
    for (let round = 0; round < 200 && done < 30; round += 1) {
      const claimed = (await Promise.all(all.map((each) => each.claim(5)))).flat();
      expect(claimed.length).toBeLessThanOrEqual(1);
      for (const { runId } of claimed) {
        const settled = await Promise.all(all.map((each) => each.queue.settle(runId, COMPLETED, null)));
        expect(settled.filter(({ kept }) => kept)).toHaveLength(1);
        done += 1;
      }
    }
    expect(done).toBe(30);
  });

  it('takes a cancellation at the moment in which the holder of a key ends', async () => {
    others.push(await TaskRooms.open(database.url));
    for (let round = 0; round < 25; round += 1) {
      const id = await rooms.enqueue({ concurrencyKey: 'k' });
      const { runId } = await claimOne();
      const [settled, cancelled] = await Promise.all([
        others[0].queue.settle(runId, COMPLETED, null),
        rooms.control.cancel(id, 'because'),
      ]);
      expect(settled.kept).toBe(true);
      expect(['running', 'completed']).toContain(cancelled!.status);
      expect((await rooms.task(id)).status).toBe('completed');
    }
  });

  it('frees a key that nobody holds although tasks wait for it', async () => {
    const holder = await rooms.enqueue({ concurrencyKey: 'k' });
    const waiting = await rooms.enqueue({ concurrencyKey: 'k' });
    await rooms.dataSource.query('DELETE FROM tasks WHERE id = $1', [holder]);
    expect(await claimIds(1)).toEqual([]);
    expect(await rooms.upkeep.promoteFreeKeys()).toBe(1);
    expect(await claimIds(1)).toEqual([waiting]);
  });

  it('stores one of a hundred equal requests', async () => {
    others.push(await TaskRooms.open(database.url));
    const inserted = await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        (i % 2 ? rooms : others[0]).control.insert(newTask({ idempotencyKey: 'same' })),
      ),
    );
    expect(inserted.filter((each) => each !== null)).toHaveLength(1);
  });

  it('retries a failed task with one more attempt, and leaves a completed one alone', async () => {
    const id = await rooms.enqueue();
    const { runId } = await claimOne();
    await rooms.queue.settle(runId, FAILED, null);
    expect(await rooms.control.retry(id, { decision: 'allow' })).toMatchObject({
      status: 'queued',
      failureReason: null,
      maxAttempts: 2,
    });
    const [again] = await rooms.claim();
    expect(again).toMatchObject({ id, attempt: 2 });
    await rooms.queue.settle(again.runId, COMPLETED, null);
    expect((await rooms.control.retry(id, {}))!.status).toBe('completed');
  });

  it('refuses rows that the state machine cannot make', async () => {
    const refused = [
      { status: 'running' as const },
      { status: 'completed' as const },
      { status: 'queued' as const, completedAt: new Date() },
      { status: 'failed' as const, completedAt: new Date() },
      { attempt: 2, maxAttempts: 1 },
      { priority: 'urgent' as 'high' },
    ];
    for (const facts of refused) {
      const insert = rooms.control.insert(newTask(facts)).catch((error: unknown) => error);
      const error = await insert;
      expect(error).toBeInstanceOf(Error);
      expect(isUniqueViolation(error)).toBe(false);
    }
  });

  it('removes what ended long ago with its runs, and nothing else', async () => {
    const old = await rooms.enqueue();
    const recent = await rooms.enqueue();
    for (const task of await rooms.claim(2)) await rooms.queue.settle(task.runId, COMPLETED, null);
    const queued = await rooms.enqueue();
    await rooms.age(old, 'completedAt', 31 * 86_400);
    const finished = new FinishedTasks(rooms.dataSource);
    expect(await finished.stillNeeded([old, recent, queued], 30)).toEqual(new Set([recent, queued]));
    expect(await finished.count(30)).toBe(1);
    expect(await finished.remove(30, 100)).toEqual([old]);
    expect(await rooms.dataSource.manager.countBy(TaskRunEntity, { taskId: old })).toBe(0);
    expect(await rooms.dataSource.manager.countBy(TaskRunEntity, { taskId: recent })).toBe(1);
    expect(await finished.remove(30, 100)).toEqual([]);
  });
});
