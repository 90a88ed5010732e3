/**
 * Preloaded into a tower (see `withFaultyExecutor` in crash-points.ts): a command whose payload has TEST_FAULT in its
 * `env` does that harm in its first run. It stands for an executor of an extension, which runs inside the process.
 */
import { existsSync } from 'node:fs';
import 'reflect-metadata';
import { CommandExecutor } from '../../dist/src/execution/command/command.executor.js';

const COMPLETED = { status: 'completed', result: {} };

const FAULTS = {
  /** Gives nobody else in its process a turn until the file TEST_UNTIL is there, then completes. */
  block: (run) => {
    block(run);
    return COMPLETED;
  },
  /** Completes, and blocks as above when it is decided what that means and the trace is being sealed. */
  block_while_sealing: (run) => {
    const { seal } = run.log;
    run.log.seal = function (...args) {
      block(run);
      return seal.apply(this, args);
    };
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

function block(run) {
  const turn = new Int32Array(new SharedArrayBuffer(4));
  while (!existsSync(run.payload.env.TEST_UNTIL)) Atomics.wait(turn, 0, 0, 20);
}

const execute = CommandExecutor.prototype.execute;
CommandExecutor.prototype.execute = async function (run) {
  const fault = run.attempt === 1 ? FAULTS[run.payload.env?.TEST_FAULT] : undefined;
  if (fault === undefined) return execute.call(this, run);
  await run.log.note(`run ${run.attempt}`);
  return fault(run);
};
