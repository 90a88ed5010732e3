/**
 * Preloaded into a tower (see `withFaultyExecutor` in crash-points.ts): a command whose payload has TEST_FAULT in its
 * `env` does that harm in its first run. It stands for an executor of an extension, which runs inside the process.
 */
import 'reflect-metadata';
import { CommandExecutor } from '../../dist/src/execution/command/command.executor.js';

const COMPLETED = { status: 'completed', result: {} };

const FAULTS = {
  /** Computes for 4 s without giving anybody else a turn, then completes. */
  block: () => {
    const end = performance.now() + 4_000;
    while (performance.now() < end);
    return COMPLETED;
  },
  /** Rejects: the contract for bugs. */
  reject: () => Promise.reject(new TypeError('a bug in the executor')),
  /** Throws where nobody can catch it, and never ends. */
  throw_later: () => {
    setTimeout(() => {
      throw new TypeError('a bug in a callback');
    }, 1);
    return new Promise(() => {});
  },
  /** Forgets to await what rejects, and never ends. */
  reject_unheard: () => {
    void Promise.reject(new TypeError('a promise that nobody heard'));
    return new Promise(() => {});
  },
  /** Takes memory until there is none. */
  exhaust_memory: () => {
    const hoard = [];
    for (;;) hoard.push(new Array(100_000).fill(hoard.length));
  },
};

const execute = CommandExecutor.prototype.execute;
CommandExecutor.prototype.execute = async function (run) {
  const fault = run.attempt === 1 ? FAULTS[run.payload.env?.TEST_FAULT] : undefined;
  if (fault === undefined) return execute.call(this, run);
  await run.log.note(`run ${run.attempt}`);
  return fault();
};
