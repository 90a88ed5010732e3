import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import type { JsonObject } from '../../common/json.js';
import type { Isolation } from './host.js';
import type { SampledLimits } from './run-limits.js';

/** Everything decided for one run: the command line that confines it, and what that really enforces. */
export interface Launch {
  argv: string[];
  cwd: string;
  env: Record<string, string>;
  /** Texts for the descriptors from 3 on. */
  data: string[];
  /** The descriptor on which bwrap reports; null without it. */
  statusFd: number | null;
  isolation: Isolation;
  /** The uid that only this run has, if it has one. */
  ownUid: number | null;
  sampled: SampledLimits;
  facts: JsonObject;
  /** Gives back what was made for the run beside its workspace. */
  release(): Promise<void>;
}

export interface Refusal {
  refused: string;
}

/**
 * Starts it in a session of its own, with nothing to read from.
 *
 * @returns the running child, or why there is none (no such program, too long a command line, a NUL in it)
 */
export async function startLaunch(launch: Launch): Promise<ChildProcess | Refusal> {
  const [file = '', ...args] = launch.argv;
  const descriptors = launch.statusFd === null ? launch.data.length : launch.data.length + 1;
  try {
    const child = spawn(file, args, {
      cwd: launch.cwd,
      env: launch.env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', ...new Array<'pipe'>(descriptors).fill('pipe')],
    });
    await once(child, 'spawn');
    launch.data.forEach((text, index) => {
      const input = child.stdio[index + 3] as Writable;
      input.on('error', () => {}); // EPIPE: it ended before it read this; its exit tells
      input.end(text);
    });
    return child;
  } catch (error) {
    return { refused: `The command could not be started: ${(error as Error).message}` };
  }
}
