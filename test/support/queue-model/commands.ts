import { expect } from '@jest/globals';
import fc from 'fast-check';
import type { Ending } from '../../../src/tasks/queue/ending.js';
import type { LateResults } from '../../../src/tasks/queue/late-results.js';
import { PRIORITIES, type Priority, priorityRank } from '../../../src/tasks/task-status.js';
import { newTask } from '../new-task.js';
import type { TaskRooms } from '../task-rooms.js';
import type { ModelRun, ModelTask, QueueModel } from './model.js';

export interface RealQueue {
  rooms: TaskRooms;
  late: LateResults;
}

type Step = (model: QueueModel, real: RealQueue) => Promise<void>;

/** One thing that is done to the queue; it compares the answer with what the model says. */
class Command implements fc.AsyncCommand<QueueModel, RealQueue> {
  constructor(
    private readonly text: string,
    private readonly step: Step,
    private readonly needs: (model: QueueModel) => boolean = () => true,
    /** After every command. */
    private readonly after: Step,
  ) {}

  check(model: Readonly<QueueModel>): boolean {
    return this.needs(model as QueueModel);
  }

  async run(model: QueueModel, real: RealQueue): Promise<void> {
    await this.step(model, real);
    await this.after(model, real);
  }

  toString(): string {
    return this.text;
  }
}

const FAILURE = { reason: 'exit_code', message: 'ended with 1' } as const;
const LEASE_SECONDS = 600;
/** Tasks that are kept apart come back when the model says so, in hours otherwise. */
const NEVER_SOON = (): number => 1_000;

type Word = 'complete' | 'fail' | 'fail with retry' | 'release' | 'stop as cancelled';
const WORDS: readonly Word[] = ['complete', 'fail', 'fail with retry', 'release', 'stop as cancelled'];

/** Everything that can be done to the queue, in any order. @param after is done after each */
export function queueCommands(after: Step): fc.Arbitrary<fc.AsyncCommand<QueueModel, RealQueue>>[] {
  const command = (text: string, step: Step, needs?: (model: QueueModel) => boolean): Command =>
    new Command(text, step, needs, after);
  const onTask = (
    name: string,
    step: (task: ModelTask, model: QueueModel, real: RealQueue) => Promise<void>,
  ) =>
    fc.nat(99).map((pick) =>
      command(
        `${name} task ${pick}`,
        (model, real) => step(model.tasks[pick % model.tasks.length], model, real),
        ({ tasks }) => tasks.length > 0,
      ),
    );
  // Of runs that are over too: what they say must be refused. The newest come first.
  const onRun = (name: string, step: (run: ModelRun, model: QueueModel, real: RealQueue) => Promise<void>) =>
    fc.nat(9).map((pick) =>
      command(
        `${name} run ${pick} from the end`,
        (model, real) => step(model.runs.toReversed()[pick % model.runs.length], model, real),
        ({ runs }) => runs.length > 0,
      ),
    );
  const always = (name: string, step: Step) => fc.constant(command(name, step));
  const claims = fc
    .tuple(fc.integer({ min: 1, max: 3 }), WORKER)
    .map(([limit, worker]) => command(`${worker} claims ${limit}`, claim(limit, worker)));
  const enqueues = NEW_TASK.map((facts) => command(`enqueue ${JSON.stringify(facts)}`, enqueue(facts)));
  return [
    enqueues,
    enqueues,
    enqueues,
    claims,
    claims,
    claims,
    ...WORDS.map((word) => onRun(word, settle(word))),
    onRun('complete', settle('complete')),
    onRun('report too late', reportLate),
    onTask('cancel', cancel),
    onTask('retry', retry),
    onTask('hand in again', handInAgain),
    onTask('pause the worker of', pause),
    onTask('kill the worker of', killWorker),
    onTask('wait for run_at of', waitForRunAt),
    onTask('wait for expires_at of', waitForExpiry),
    always('renew all', renewAll),
    always('reap', reap),
    always('expire', async (model, { rooms }) =>
      expect(await rooms.upkeep.failExpired()).toBe(model.failExpired()),
    ),
    always('promote due', async (model, { rooms }) =>
      expect(await rooms.upkeep.promoteDue()).toBe(model.promoteDue()),
    ),
    // Nobody deletes rows here, so no key may ever need it.
    always('promote free keys', async (_, { rooms }) => expect(await rooms.upkeep.promoteFreeKeys()).toBe(0)),
  ];
}

/** Some that run much, and many that seldom run a second task. */
const WORKER = fc.oneof(
  fc.constantFrom('worker-1', 'worker-2'),
  fc.nat(99).map((n) => `worker-${n + 3}`),
);

interface Facts {
  priority: Priority;
  retries: number;
  key: 'a' | 'b' | null;
  callback: boolean;
  later: boolean;
  expires: boolean;
}

const NEW_TASK: fc.Arbitrary<Facts> = fc.record({
  priority: fc.constantFrom(...PRIORITIES),
  retries: fc.nat(2),
  key: fc.constantFrom('a', 'b', null, null),
  callback: fc.boolean(),
  later: fc.constantFrom(true, false, false),
  expires: fc.constantFrom(true, false, false),
});

function enqueue({ priority, retries, key, callback, later, expires }: Facts): Step {
  return async (model, { rooms }) => {
    const hour = new Date(Date.now() + 3_600_000);
    const id = await rooms.enqueue({
      priority,
      maxAttempts: retries + 1,
      concurrencyKey: key,
      callbackUrl: callback ? 'http://127.0.0.1/hook' : null,
      runAt: later ? hour : null,
      expiresAt: expires ? new Date(hour.getTime() + 1_000) : null,
      idempotencyKey: `task ${model.tasks.length}`,
    });
    model.enqueue({
      ...{ id, key, callback, status: 'queued', attempt: 0, maxAttempts: retries + 1, excused: 0 },
      ...{ cancelAsked: false, due: !later, expired: expires ? false : null, leaseOver: false },
      ...{ rank: priorityRank(priority), hold: later ? 'schedule' : key === null ? null : 'key' },
      ...{ runs: [], ends: [] },
    });
  };
}

async function handInAgain(task: ModelTask, model: QueueModel, { rooms }: RealQueue): Promise<void> {
  const idempotencyKey = `task ${model.tasks.indexOf(task)}`;
  expect(await rooms.control.insert(newTask({ idempotencyKey, concurrencyKey: task.key }))).toBeNull();
}

function claim(limit: number, workerId: string): Step {
  return async (model, { rooms }) => {
    const expected = model.claimable(limit);
    const claimed = await rooms.claim(limit, LEASE_SECONDS, 'default', workerId);
    expect(claimed.map(({ id, attempt }) => ({ id, attempt }))).toEqual(
      expected.map(({ id, attempt }) => ({ id, attempt: attempt + 1 })),
    );
    const known = model.runs.map(({ id }) => id);
    for (const { id, runId } of claimed) {
      expect(known).not.toContain(runId);
      model.begin(
        expected.find((task) => task.id === id)!,
        runId,
        workerId,
      );
    }
  };
}

function settle(word: Word) {
  return async ({ id }: ModelRun, model: QueueModel, { rooms }: RealQueue): Promise<void> => {
    const task = model.holderOf(id);
    const settled = await rooms.queue.settle(id, endingOf(word, task), null);
    expect(settled.kept).toBe(task !== undefined);
    if (task === undefined) return;
    if (word === 'complete') model.end(task, 'completed');
    else if (word === 'release') model.again(task, 'released');
    else if (word === 'stop as cancelled') model.end(task, 'cancelled');
    else if (word === 'fail with retry' && hasAttemptsLeft(task)) model.again(task, 'failed');
    else model.end(task, 'failed');
    expect(settled).toMatchObject({ task: { id: task.id, status: task.status } });
  };
}

/** As decideEnding() does: a run that was the last one allowed fails. */
function endingOf(word: Word, task: ModelTask | undefined): Ending {
  switch (word) {
    case 'complete':
      return { status: 'completed', result: {} };
    case 'fail':
      return { status: 'failed', failure: FAILURE, result: {} };
    case 'fail with retry':
      return task === undefined || hasAttemptsLeft(task)
        ? { status: 'retry', failure: FAILURE, result: {}, delaySeconds: 3_600 }
        : { status: 'failed', failure: FAILURE, result: {} };
    case 'release':
      return { status: 'released', failure: { reason: 'worker_lost', message: 'shut down' } };
    case 'stop as cancelled':
      return { status: 'cancelled', failure: { reason: 'cancelled', message: 'stopped' }, result: {} };
    default:
      return word satisfies never;
  }
}

function hasAttemptsLeft({ attempt, excused, maxAttempts }: ModelTask): boolean {
  return attempt - excused < maxAttempts;
}

async function reportLate(run: ModelRun, _: QueueModel, { late }: RealQueue): Promise<void> {
  const said = { status: 'completed', failure: null, manifest_sha256: null } as const;
  const isLate = run.taken && !run.late;
  expect(await late.record(run.id, { ...said, reported_at: new Date().toISOString() })).toBe(isLate);
  run.late ||= isLate;
}

async function cancel(task: ModelTask, model: QueueModel, { rooms }: RealQueue): Promise<void> {
  const cancelled = await rooms.control.cancel(task.id, 'because');
  model.cancel(task);
  expect(cancelled!.status).toBe(task.status);
  expect(cancelled!.cancelRequestedAt !== null).toBe(task.cancelAsked);
}

async function retry(task: ModelTask, model: QueueModel, { rooms }: RealQueue): Promise<void> {
  const retried = await rooms.control.retry(task.id, {});
  model.retry(task);
  expect(retried).toMatchObject({ status: task.status, hold: task.hold, maxAttempts: task.maxAttempts });
}

async function pause(task: ModelTask, _: QueueModel, { rooms }: RealQueue): Promise<void> {
  if (task.status !== 'running') return;
  await rooms.age(task.id, 'leaseExpiresAt');
  task.leaseOver = true;
}

/** Every lease of that process runs out at once, and somebody notices. */
async function killWorker(task: ModelTask, model: QueueModel, real: RealQueue): Promise<void> {
  if (task.status !== 'running') return;
  const { workerId } = task.runs.at(-1)!;
  const beside = ({ status, runs }: ModelTask): boolean =>
    status === 'running' && runs.at(-1)!.workerId === workerId;
  for (const each of model.tasks.filter(beside)) await pause(each, model, real);
  await reap(model, real);
}

async function waitForRunAt(task: ModelTask, _: QueueModel, { rooms }: RealQueue): Promise<void> {
  if (task.hold !== 'schedule') return;
  await rooms.age(task.id, 'runAt');
  task.due = true;
}

async function waitForExpiry(task: ModelTask, _: QueueModel, { rooms }: RealQueue): Promise<void> {
  if (task.status !== 'queued' || task.expired === null) return;
  await rooms.age(task.id, 'expiresAt');
  task.expired = true;
}

/** In the last moment too: a lease that ran out is still held until somebody has taken it away. */
async function renewAll(model: QueueModel, { rooms }: RealQueue): Promise<void> {
  const ids = model.runs.map(({ id }) => id);
  if (ids.length === 0) return;
  const renewed = await rooms.queue.renew(ids, LEASE_SECONDS);
  const held = model.tasks.filter(({ status }) => status === 'running');
  expect([...renewed].toSorted()).toEqual(
    held.map(({ runs, cancelAsked }) => [runs.at(-1)!.id, { cancelRequested: cancelAsked }]).toSorted(),
  );
  for (const task of held) task.leaseOver = false;
}

async function reap(model: QueueModel, { rooms }: RealQueue): Promise<void> {
  const expected = model.reap();
  const reaped = await rooms.upkeep.reap(undefined, NEVER_SOON);
  const byRun = (a: { runId: string }, b: { runId: string }): number => (a.runId < b.runId ? -1 : 1);
  expect(reaped.toSorted(byRun)).toEqual(expected.toSorted(byRun));
}
