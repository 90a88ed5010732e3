import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { JsonObject } from '../../common/json.js';
import type { StopReason } from '../../task-types/executor.js';
import { reapLeftovers, stopFamily } from './kill-ladder.js';
import type { Launch } from './launch.js';
import { sampleLimits } from './limit-sampler.js';
import { OutputPump } from './output-pump.js';
import { ProcessFamily } from './process-family.js';
import type { ProcessSinks, ProcessStop } from './process-spec.js';
import { startedWith } from './process-table.js';

export interface Supervised {
  exitCode: number | null;
  signal: string | null;
  stopped: ProcessStop | null;
  refused: string | null;
  kill: JsonObject | null;
}

interface Exit {
  exitCode: number | null;
  signal: string | null;
}

/**
 * Watches a started process to its end, by itself or ours; when this resolves, no process of the run is left and its whole
 * output was delivered.
 *
 * @throws what a sink threw, after everything was stopped
 */
export async function supervise(
  child: ChildProcess,
  launch: Launch,
  runId: string,
  sinks: ProcessSinks,
  signal: AbortSignal,
): Promise<Supervised> {
  const exited = new Promise<Exit>((resolve) =>
    child.once('exit', (exitCode, signal) => resolve({ exitCode, signal })),
  );
  const report = readReport(child, launch);
  const family = new ProcessFamily({
    root: child.pid!,
    isMarked: (pid) => startedWith(pid, 'JCT_RUN_ID') === runId,
    ownUid: launch.ownUid,
    wrapped: launch.isolation === 'bubblewrap',
  });
  const own = new AbortController();
  const stop = AbortSignal.any([signal, own.signal]);
  const broken: { error: unknown }[] = [];
  const pump = new OutputPump(child, sinks, (error) => {
    broken.push({ error });
    own.abort('cancelled');
  });
  const stopSampling = sampleLimits(family, launch.sampled, (limit) => {
    family.killGroups();
    own.abort(limit);
  });
  void exited.then(stopSampling);

  const stopped = await Promise.race([exited.then(() => null), aborted(stop)]);
  const kill = stopped === null ? await reapLeftovers(family) : await stopFamily(family, exited, stopped);
  const exit = await Promise.race([exited, delay(1_000, { exitCode: null, signal: null }, { ref: false })]);
  await pump.drain();
  if (broken[0]) throw broken[0].error;
  const refused =
    stopped === null && exit.signal === null && !(await report) ? couldNotStart(pump.errorHead) : null;
  return { ...exit, stopped, refused, kill };
}

function aborted(signal: AbortSignal): Promise<ProcessStop> {
  return new Promise((resolve) => {
    const tell = (): void => resolve(stopReason(signal.reason));
    if (signal.aborted) tell();
    else signal.addEventListener('abort', tell, { once: true });
  });
}

const STOPS: readonly ProcessStop[] = [
  'timeout',
  'cancelled',
  'lease_lost',
  'shutdown',
  'memory',
  'processes',
];

export function stopReason(reason: unknown): ProcessStop {
  return STOPS.find((each) => each === reason) ?? ('cancelled' satisfies StopReason);
}

/** bwrap reports the command's exit code only if there was a command: without it, building the sandbox had failed. */
async function readReport(child: ChildProcess, launch: Launch): Promise<boolean> {
  if (launch.statusFd === null) return true;
  let report = '';
  try {
    for await (const chunk of child.stdio[launch.statusFd] as Readable) report += String(chunk);
  } catch {
    // Broken off: what was said counts.
  }
  return report.includes('"exit-code"');
}

function couldNotStart(said: string): string {
  return `The sandbox could not be started: ${said.trim() || 'bwrap gave no reason'}`;
}
