import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { JsonObject } from '../../src/common/json.js';
import { EventEntity } from '../../src/events/event.entity.js';
import type { Ending } from '../../src/tasks/queue/ending.js';
import type { NewTask } from '../../src/tasks/queue/task-control.js';
import { onBothDatabases, type TestDatabase } from '../support/databases.js';
import { TaskRooms } from '../support/task-rooms.js';

const COMPLETED: Ending = { status: 'completed', result: {} };
const FAILED: Ending = {
  status: 'failed',
  failure: { reason: 'exit_code', message: 'exit 3' },
  result: null,
};

onBothDatabases('the events of tasks', (create) => {
  let database: TestDatabase;
  let rooms: TaskRooms;
  let announced: number;

  beforeEach(async () => {
    database = await create();
    rooms = await TaskRooms.open(database.url);
    announced = 0;
    rooms.signals.on('events', () => (announced += 1));
  });
  afterEach(async () => {
    await rooms.close();
    await database.drop();
  });

  const events = (): Promise<EventEntity[]> =>
    rooms.dataSource.manager.find(EventEntity, { order: { createdAt: 'ASC', id: 'ASC' } });
  const types = async (): Promise<string[]> => (await events()).map(({ type }) => type);
  const claim = (limit = 1) =>
    rooms.queue.claim(
      {
        workerId: 'worker-1',
        queue: 'default',
        types: ['build', 'deploy', 'scan', 'test'],
        leaseSeconds: 60,
      },
      limit,
    );
  const run = async (facts: Partial<NewTask>, ending: Ending): Promise<string> => {
    const id = await rooms.enqueue(facts);
    const [{ runId }] = await claim();
    await rooms.queue.settle(runId, ending, null);
    return id;
  };

  it.each([
    ['build', COMPLETED, ['development.build_started', 'task.completed', 'development.build_completed']],
    ['build', FAILED, ['development.build_started', 'task.failed', 'development.build_failed']],
    ['deploy', COMPLETED, ['deployment.started', 'task.completed', 'deployment.completed']],
    ['deploy', FAILED, ['deployment.started', 'task.failed', 'deployment.failed']],
    ['scan', COMPLETED, ['task.completed', 'security.scan_complete']],
    ['scan', FAILED, ['task.failed', 'security.scan_complete']],
    ['test', COMPLETED, ['task.completed']],
    ['test', FAILED, ['task.failed']],
  ] as const)('of a %s that ends %j are %j', async (type, ending, expected) => {
    await run({ type }, ending);
    expect((await types()).sort()).toEqual([...expected].sort());
    expect(announced).toBe(type === 'build' || type === 'deploy' ? 2 : 1);
  });

  it('are thin, and name the task as their cause and who handed it in as their actor', async () => {
    const id = await run(
      {
        type: 'deploy',
        priority: 'high',
        tags: ['ci', 'öl'],
        target: { environment: 'staging', ref: 'main' },
        requestedBy: 'agent:x',
      },
      FAILED,
    );
    const { tracePath } = await rooms.task(id);
    const data: JsonObject = {
      task_id: id,
      type: 'deploy',
      status: 'running',
      attempt: 1,
      failure: null,
      target: { environment: 'staging', ref: 'main' },
      tags: ['ci', 'öl'],
      trace_path: tracePath,
    };
    const failure = { reason: 'exit_code', message: 'exit 3' };
    const recorded = await events();
    expect(new Map(recorded.map((event) => [event.type, event.data]))).toEqual(
      new Map([
        ['deployment.started', data],
        ['task.failed', { ...data, status: 'failed', failure }],
        ['deployment.failed', { ...data, status: 'failed', failure }],
      ]),
    );
    for (const event of recorded)
      expect(event).toMatchObject({
        source: 'tasks',
        priority: 'high',
        priorityRank: 1,
        status: 'pending',
        causedBy: { kind: 'task', id },
        actor: 'agent:x',
        tags: {},
        dedupId: null,
      });
    expect(new Set(recorded.map(({ id }) => id)).size).toBe(3);
  });

  it('are recorded for each of several tasks that are claimed at once, and for no other', async () => {
    for (const type of ['build', 'test', 'deploy', 'build']) await rooms.enqueue({ type });
    expect(await claim(10)).toHaveLength(4);
    expect((await types()).sort()).toEqual([
      'deployment.started',
      'development.build_started',
      'development.build_started',
    ]);
    expect(await claim(10)).toEqual([]);
    expect(await types()).toHaveLength(3);
  });

  it('are none for a run that is tried again, is lost, or is given back', async () => {
    const failure = { reason: 'exit_code', message: '' } as const;
    for (const ending of [
      { status: 'retry', failure, result: null, delaySeconds: 1 },
      { status: 'lost', failure },
      { status: 'released', failure },
    ] as Ending[])
      await run({ type: 'test', maxAttempts: 5 }, ending);
    expect(await types()).toEqual([]);
  });

  it('tell of a task that is cancelled before it runs, and of one that expires', async () => {
    const cancelled = await rooms.enqueue({ type: 'build' });
    await rooms.control.cancel(cancelled, 'No longer wanted.');
    const expired = await rooms.enqueue({ type: 'build', expiresAt: new Date(Date.now() - 1_000) });
    await rooms.upkeep.failExpired();
    const recorded = (await events()).map(({ type, data }) => `${type} ${data['task_id']}`);
    expect(recorded.sort()).toEqual(
      [`development.build_failed ${expired}`, `task.cancelled ${cancelled}`, `task.failed ${expired}`].sort(),
    );
  });

  it('are not there when the run has lost its lease', async () => {
    await rooms.enqueue({ type: 'test' });
    const [{ runId }] = await claim();
    await rooms.queue.settle(runId, FAILED, null);
    expect(await rooms.queue.settle(runId, COMPLETED, null)).toEqual({ kept: false });
    expect(await types()).toEqual(['task.failed']);
  });

  it('are rolled back with the end of the task that they tell of', async () => {
    const id = await rooms.enqueue({ type: 'test' });
    const [{ runId }] = await claim();
    // The row of the run is there already, so that its end cannot be stored.
    await rooms.dataSource.query(
      `INSERT INTO task_runs (id, task_id, number, status, worker_id, started_at, finished_at)
       VALUES ('${runId}', '${id}', 1, 'lost', 'w', '2026-01-01 00:00:00', '2026-01-01 00:00:00')`,
    );
    await expect(rooms.queue.settle(runId, COMPLETED, null)).rejects.toThrow();
    expect(await types()).toEqual([]);
    expect((await rooms.task(id)).status).toBe('running');
  });
});
