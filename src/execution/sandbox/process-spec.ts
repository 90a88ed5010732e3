import type { JsonObject } from '../../common/json.js';
import type { SandboxOptions, StopReason } from '../../task-types/executor.js';

/** One command to run: what, where, and within which bounds. */
export interface ProcessSpec {
  /** Program and arguments; no shell of ours ever reads them. */
  argv: readonly string[];
  /** Absolute path on this host: the only place that the command may write. */
  workspaceDir: string;
  /** Working directory, relative to the workspace; `''` is its root. */
  cwd: string;
  /** The complete environment, except HOME, PATH and TMPDIR, which depend on the sandbox and are set where absent. */
  env: Readonly<Record<string, string>>;
  sandbox: SandboxOptions;
  /** Both ids go into the environment, where they are also the mark by which strays are found. */
  taskId: string;
  runId: string;
  /** Only the CPU limit is derived from it; wall-clock time is the caller's AbortSignal. */
  timeoutSeconds: number;
}

export interface ProcessSinks {
  /** Awaited before more is read, so a slow sink slows the command down instead of filling the memory. */
  output(stream: 'stdout' | 'stderr', chunk: Buffer): Promise<void>;
}

/** Why the command was stopped before it ended by itself. */
export type ProcessStop = StopReason | 'memory' | 'processes';

export interface ProcessEnd {
  /** In bubblewrap a death by signal shows as 128 + its number, as in a shell. */
  exitCode: number | null;
  signal: string | null;
  /** null: it ended by itself. */
  stopped: ProcessStop | null;
  /** Why nothing ran, for a person; null when something ran. */
  refused: string | null;
  durationMs: number;
  /**
   * What was really enforced: `{isolation, network, user, limits, notes}`. Each limit says `how`: `rlimit` (by the kernel),
   * `sampled` (by us, several times a second) or null (not at all).
   */
  sandbox: JsonObject;
  /** `{reason, signals: [{signal, after_ms, processes}], surviving_processes, took_ms}`; null: nothing was left to kill. */
  kill: JsonObject | null;
}
