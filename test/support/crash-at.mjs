/**
 * Preloaded into a tower (see `dyingAt` in crash-points.ts): at the point that TEST_CRASH_AT names the process kills
 * itself, as kill -9 would, or sends itself the signal TEST_CRASH_SIGNAL. Wraps the product's own modules, so that the product needs no hooks.
 */
import 'reflect-metadata';
import { PostgresQueryRunner } from 'typeorm/driver/postgres/PostgresQueryRunner.js';
import { CallbackQueue } from '../../dist/src/callbacks/callback-queue.js';
import { SqliteQueryRunner } from '../../dist/src/database/sqlite-query-runner.js';
import { TaskControl } from '../../dist/src/tasks/queue/task-control.js';
import { TaskQueue } from '../../dist/src/tasks/queue/task-queue.js';

const { TEST_CRASH_AT, TEST_CRASH_SIGNAL = 'SIGKILL' } = process.env;
const [point, times = '1'] = TEST_CRASH_AT.split(':');
let left = Number(times);

function at(name) {
  if (name === point && --left === 0) process.kill(process.pid, TEST_CRASH_SIGNAL);
}

function around(type, method, before, after) {
  const original = type.prototype[method];
  type.prototype[method] = async function (...args) {
    before?.(...args);
    const result = await original.apply(this, args);
    after?.(...args);
    return result;
  };
}

around(
  TaskControl,
  'insert',
  () => at('before_insert'),
  () => at('after_insert'),
);

around(TaskQueue, 'claim', null, () => at('after_claim'));

let settling = 0;
around(
  TaskQueue,
  'settle',
  () => {
    settling += 1;
    at('before_settle');
  },
  () => (settling -= 1),
);
for (const runner of [SqliteQueryRunner, PostgresQueryRunner]) {
  around(
    runner,
    'commitTransaction',
    () => settling > 0 && at('before_settle_commit'),
    () => settling > 0 && at('after_settle_commit'),
  );
}

around(CallbackQueue, 'settle', (_, { error }) => error === null && at('after_callback_answer'));
