import { afterAll, beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';
import pg from 'pg';
import { LateResults } from '../../src/tasks/queue/late-results.js';
import { storedViolations } from '../support/chaos/stored-invariants.js';
import { readRecord } from '../support/chaos/stored-record.js';
import { onBothDatabases, type TestDatabase } from '../support/databases.js';
import { observeTransitions } from '../support/observed-transitions.js';
import { queueCommands, type RealQueue } from '../support/queue-model/commands.js';
import { QueueModel } from '../support/queue-model/model.js';
import { TaskRooms } from '../support/task-rooms.js';

const RUNS = { SQLite: 120, PostgreSQL: 50 };
const COMMANDS_MAX = 60;

/** What fast-check printed as `seed` when it failed; it prints a new one otherwise. */
const SEED = process.env['TEST_MODEL_SEED'];

onBothDatabases('the queue under any order of what can be done to it', (create, name) => {
  let database: TestDatabase;
  let real: RealQueue;

  beforeAll(async () => {
    database = await create();
    if (name === 'PostgreSQL') await withoutFlushes(database.url);
    const rooms = await TaskRooms.open(database.url);
    if (name === 'SQLite') await rooms.dataSource.query('PRAGMA synchronous = OFF');
    await observeTransitions(rooms.dataSource);
    real = { rooms, late: new LateResults(rooms.dataSource) };
  });
  afterAll(async () => {
    await real?.rooms.close();
    await database?.drop();
  });

  it('F13 answers as the model does, and keeps I1 to I7 after every step', async () => {
    const commands = fc.commands(queueCommands(agree), { maxCommands: COMMANDS_MAX, size: 'max' });
    await fc.assert(
      fc.asyncProperty(commands, async (each) => {
        await empty(real);
        await fc.asyncModelRun(() => ({ model: new QueueModel(), real }), each);
      }),
      { numRuns: RUNS[name], ...(SEED !== undefined && { seed: Number(SEED) }) },
    );
  }, 240_000);
});

/** A model knows no power cuts: on a busy disk most of the time would go into flushes. */
async function withoutFlushes(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`ALTER DATABASE ${client.database} SET synchronous_commit = off`);
  await client.end();
}

async function empty({ rooms }: RealQueue): Promise<void> {
  for (const table of ['tasks', 'task_runs', 'callbacks', 'observed_transitions'])
    await rooms.dataSource.query(`DELETE FROM ${table}`);
}

/** The tables hold what the model holds, and no invariant is broken. */
async function agree(model: QueueModel, { rooms }: RealQueue): Promise<void> {
  const record = await readRecord(rooms.dataSource);
  expect(storedViolations(record)).toEqual([]);
  const rows = new Map(record.tasks.map((task) => [task.id, task]));
  const stored = model.tasks.map(({ id }) => {
    const task = rows.get(id);
    return {
      ...{ id, status: task?.status, hold: task?.hold, attempt: task?.attempt, excused: task?.excusedRuns },
      ...{ maxAttempts: task?.maxAttempts, cancelAsked: task?.cancelRequestedAt !== null },
      runId: task?.runId,
      runs: (record.runs.get(id) ?? []).map((run) => [
        run.id,
        run.number,
        run.status,
        run.lateResult !== null,
      ]),
      events: (record.callbacks.get(id) ?? []).map(({ event }) => event),
    };
  });
  expect(record.tasks).toHaveLength(model.tasks.length);
  expect(stored).toEqual(model.tasks.map(expectedRow));
}

function expectedRow(task: QueueModel['tasks'][number]): object {
  const { id, status, hold, attempt, excused, maxAttempts, cancelAsked, runs } = task;
  return {
    ...{ id, status, hold, attempt, excused, maxAttempts, cancelAsked },
    runId: status === 'running' ? runs.at(-1)!.id : null,
    runs: runs
      .filter((run) => run.status !== 'running')
      .map((run) => [run.id, run.number, run.status, run.late]),
    events: task.callback ? task.ends.map((end) => `task.${end}`) : [],
  };
}
