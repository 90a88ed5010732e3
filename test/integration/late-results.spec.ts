import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { LateResults } from '../../src/tasks/queue/late-results.js';
import { LOST_ALONE_MAX } from '../../src/tasks/queue/lost-run.js';
import { type LateResult, TaskRunEntity } from '../../src/tasks/task-run.entity.js';
import { onBothDatabases, type TestDatabase } from '../support/databases.js';
import { TaskRooms } from '../support/task-rooms.js';

const LATE: LateResult = {
  status: 'failed',
  failure: { reason: 'exit_code', message: `half a pair \ud800, NUL \0, ${'long '.repeat(1_000)}` },
  manifest_sha256: null,
  reported_at: '2026-11-24T12:00:00.000Z',
};

onBothDatabases('the result of a run that lost its lease', (create) => {
  let database: TestDatabase;
  let rooms: TaskRooms;
  let late: LateResults;

  beforeEach(async () => {
    database = await create();
    rooms = await TaskRooms.open(database.url);
    late = new LateResults(rooms.dataSource);
  });
  afterEach(async () => {
    await rooms?.close();
    await database?.drop();
  });

  const lostRun = async (): Promise<{ taskId: string; runId: string }> => {
    const taskId = await rooms.enqueue();
    const [{ runId }] = await rooms.claim();
    await rooms.age(taskId, 'leaseExpiresAt');
    await rooms.upkeep.reap();
    return { taskId, runId };
  };

  it('is kept with the lost run, once, and changes nothing about the task', async () => {
    const { taskId, runId } = await lostRun();
    expect(await rooms.queue.settle(runId, { status: 'completed', result: {} }, null)).toEqual({
      kept: false,
    });
    expect(await late.record(runId, LATE)).toBe(true);
    expect(await late.record(runId, { ...LATE, status: 'completed' })).toBe(false);
    expect(await late.count()).toBe(1);
    const run = await rooms.dataSource.manager.findOneByOrFail(TaskRunEntity, { id: runId });
    expect(run).toMatchObject({ status: 'lost', lateResult: { status: 'failed', manifest_sha256: null } });
    expect(run.lateResult!.failure!.message).toHaveLength(2_000);
    expect(await rooms.task(taskId)).toMatchObject({ status: 'queued', completedAt: null, result: null });
  });

  it('is kept, too, when that was one run too many and the task has failed', async () => {
    const taskId = await rooms.enqueue();
    let runId = '';
    for (let lost = 1; lost <= LOST_ALONE_MAX; lost += 1) {
      [{ runId }] = await rooms.claim();
      await rooms.age(taskId, 'leaseExpiresAt');
      await rooms.upkeep.reap();
    }
    expect(await rooms.task(taskId)).toMatchObject({ status: 'failed', failureReason: 'worker_lost' });
    expect(await late.record(runId, LATE)).toBe(true);
    expect(await late.count()).toBe(1);
  });

  it('is not too late while nobody has ended the run, and not for a run that ended itself', async () => {
    await rooms.enqueue();
    const [{ runId }] = await rooms.claim();
    expect(await late.record(runId, LATE)).toBe(false);
    await rooms.queue.settle(runId, { status: 'completed', result: {} }, null);
    expect(await late.record(runId, LATE)).toBe(false);
    expect(await late.count()).toBe(0);
  });
});
