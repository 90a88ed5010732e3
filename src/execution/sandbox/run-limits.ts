import { readFileSync } from 'node:fs';
import { availableParallelism, release } from 'node:os';
import type { JsonObject } from '../../common/json.js';
import type { SandboxOptions } from '../../task-types/executor.js';
import { ownerOf, readProcessTable } from './process-table.js';
import type { RunUser } from './run-user.js';

const MB = 1024 * 1024;

/** Room for a large build with its worker threads (the kernel counts threads), far below what hurts a host. */
const PROCESSES_DEFAULT = 512;
/** Larger than a container image, smaller than a disk. */
const FILE_MB_DEFAULT = 4096;
const OPEN_FILES = 4096;

/**
 * Where processes are sampled, the kernel still stops a fork bomb that outruns the sampler: at what the tower's account has
 * running, the limit, and this much for what other programs of the account start meanwhile.
 */
const FORK_BOMB_ROOM = 1_000;

/** What the sampler watches; null: nothing. */
export interface SampledLimits {
  memoryBytes: number | null;
  processes: number | null;
}

export interface LimitPlan {
  /** Options for prlimit, empty where it is absent. */
  prlimit: string[];
  sampled: SampledLimits;
  facts: JsonObject;
  /** A limit that was asked for by name and that nothing here can honour: what to tell the person. */
  refused: string | null;
}

export interface LimitMeans {
  prlimit: boolean;
  processTable: boolean;
  user: RunUser;
}

/** Decides which limits hold for a run, and by what. */
export function planLimits(asked: SandboxOptions, timeoutSeconds: number, means: LimitMeans): LimitPlan {
  const rlimit = means.prlimit ? 'rlimit' : null;
  const sampled = means.processTable ? 'sampled' : null;
  const processesHow = rlimit && countsOnlyThisRun(means.user) ? rlimit : sampled;
  const hard = hardLimits();
  const fileBytes = Math.min((asked.file_mb ?? FILE_MB_DEFAULT) * MB, hard('Max file size'));
  const processes = Math.min(asked.processes ?? PROCESSES_DEFAULT, hard('Max processes'));
  const openFiles = Math.min(OPEN_FILES, hard('Max open files'));
  // Per process, while the timeout is for all: a backstop for what outlives the tower, never reached by an honest build.
  const cpuSeconds = Math.min(timeoutSeconds * availableParallelism() + 60, hard('Max cpu time'));

  const prlimit = [`--core=0`, `--cpu=${cpuSeconds}`, `--fsize=${fileBytes}`, `--nofile=${openFiles}`];
  if (processesHow === 'rlimit') prlimit.push(`--nproc=${processes}`);
  else if (sampled && process.getuid?.() !== 0) {
    prlimit.push(`--nproc=${Math.min(ownThreads() + processes + FORK_BOMB_ROOM, hard('Max processes'))}`);
  }
  if (asked.memory_mb !== undefined) {
    // Catches what eats memory faster than it is sampled. Twice the limit and more, because it counts what a process may
    // touch (8 MB for each thread's stack), not what it has touched. RLIMIT_AS would kill Node, which reserves gigabytes.
    prlimit.push(`--data=${Math.min((2 * asked.memory_mb + 1024) * MB, hard('Max data size'))}`);
  }
  const memoryHow = asked.memory_mb === undefined ? null : sampled;
  return {
    prlimit: means.prlimit ? prlimit : [],
    sampled: {
      memoryBytes: asked.memory_mb !== undefined && sampled ? asked.memory_mb * MB : null,
      processes: processesHow === 'sampled' ? processes : null,
    },
    facts: {
      memory: { mb: memoryHow && asked.memory_mb, how: memoryHow },
      processes: { max: processesHow && processes, how: processesHow },
      file: { mb: rlimit && Math.floor(fileBytes / MB), how: rlimit },
      cpu: { seconds: rlimit && cpuSeconds, how: rlimit },
      open_files: { max: rlimit && openFiles, how: rlimit },
    },
    refused: refusal(asked, { memory_mb: sampled, processes: processesHow, file_mb: rlimit }),
  };
}

type Named = 'memory_mb' | 'processes' | 'file_mb';

function refusal(asked: SandboxOptions, how: Record<Named, string | null>): string | null {
  const unmet = (Object.keys(how) as Named[]).filter(
    (name) => asked[name] !== undefined && how[name] === null,
  );
  if (unmet.length === 0) return null;
  const names = unmet.map((name) => `options.sandbox.${name}`).join(', ');
  return `This worker cannot enforce ${names}: that needs Linux with /proc and prlimit (util-linux). Leave it out, or use another worker.`;
}

/**
 * RLIMIT_NPROC counts every process of the uid on the host, so it is the run's own number only where the uid is. In a user
 * namespace the kernel counts for the namespace since 5.14. It is never enforced for root.
 */
function countsOnlyThisRun(user: RunUser): boolean {
  if (user.kind === 'tower') return false;
  if (user.kind === 'own') return true;
  const [major = 0, minor = 0] = release().split('.').map(Number);
  return major > 5 || (major === 5 && minor >= 14);
}

/** Threads of the tower's account on this host: what RLIMIT_NPROC counts. */
function ownThreads(): number {
  const uid = process.getuid?.();
  const own = [...(readProcessTable()?.values() ?? [])].filter(({ pid }) => ownerOf(pid) === uid);
  return own.reduce((sum, { threads }) => sum + threads, 0);
}

/** The limits that this process itself is under: nobody but root may go beyond. */
function hardLimits(): (name: string) => number {
  let table = '';
  try {
    table = readFileSync('/proc/self/limits', 'utf8');
  } catch {
    // Not Linux: there is no prlimit either.
  }
  return (name) => {
    const hard = new RegExp(`^${name}\\s+\\S+\\s+(\\d+)`, 'm').exec(table)?.[1];
    return hard === undefined ? Number.MAX_SAFE_INTEGER : Number(hard);
  };
}
