import { resolve } from 'node:path';

/** Where a tower can be made to die: between which two steps of the path of a task. */
export type CrashPoint =
  | 'before_insert'
  | 'after_insert'
  | 'after_claim'
  | 'before_settle'
  | 'before_settle_commit'
  | 'after_settle_commit'
  | 'after_callback_answer';

/** Environment of a tower that dies at this point, as by kill -9, when it comes there for the given time. */
export function dyingAt(point: CrashPoint, time = 1): Record<string, string> {
  return { ...preloaded('crash-at.mjs'), TEST_CRASH_AT: `${point}:${time}` };
}

/** Environment of a tower that is told to stop when it comes to this point for the first time. */
export function toldToStopAt(point: CrashPoint): Record<string, string> {
  return { ...dyingAt(point), TEST_CRASH_SIGNAL: 'SIGTERM' };
}

/** Environment of a tower whose commands do harm to it in their first run: see `faulty-executor.mjs` for the faults. */
export function withFaultyExecutor(nodeOptions = ''): Record<string, string> {
  return preloaded('faulty-executor.mjs', nodeOptions);
}

function preloaded(file: string, nodeOptions = ''): Record<string, string> {
  return { NODE_OPTIONS: `--import=${resolve('test/support', file)} ${nodeOptions}`.trim() };
}
