import type { JsonObject } from '../common/json.js';
import type { Outcome } from './outcome.js';

/** Why a run is told to end: the reason of `RunContext.signal`. */
export type StopReason = 'timeout' | 'cancelled' | 'lease_lost' | 'shutdown';

export interface RunTarget {
  repository?: string;
  ref?: string;
  environment?: string;
  path?: string;
}

export interface SandboxOptions {
  /** `required`: fail where bubblewrap cannot be used. `preferred`: use it where it can. `none`: plain process. */
  mode: 'required' | 'preferred' | 'none';
  network: boolean;
  /** Limits of the whole process tree (memory, processes) or of each process (file size). */
  memory_mb?: number;
  processes?: number;
  file_mb?: number;
}

/** What an executor may know of the task: facts, frozen. */
export interface RunTask {
  readonly id: string;
  readonly type: string;
  readonly target: RunTarget | null;
  readonly timeoutSeconds: number;
  readonly sandbox: SandboxOptions;
}

/** What a run leaves behind. Everything that passes here is masked and bounded before it reaches the trace. */
export interface RunLog {
  /** Bytes that the command wrote; resolves when they are stored, so awaiting it gives back-pressure. */
  output(stream: 'stdout' | 'stderr', chunk: Buffer): Promise<void>;
  /** A line from the tower itself, for the person who reads log.txt. */
  note(line: string): Promise<void>;
  /** A line of events.jsonl, for the program that reads it. */
  event(name: string, data?: JsonObject): Promise<void>;
  /**
   * Keeps a file under `artifacts/<name>`. `source` must be a regular file that was opened without following links;
   * the caller closes it.
   * What cannot be kept (over a limit, a name that is taken, a file that shrank) is refused, and the run goes on.
   * @param name relative path with `/`, already checked to stay inside the folder
   */
  artifact(name: string, source: { fd: number; size: number }): Promise<ArtifactRecord | ArtifactRefusal>;
  /** Facts for manifest.json, e.g. `sandbox`, `repository`; the last value of a key wins. */
  fact(key: 'sandbox' | 'repository' | 'process', value: JsonObject): void;
  /** From now on the value is replaced by `***` in everything above. */
  mask(secret: string): void;
}

/** Why an artifact is not kept: completes the sentence "It was not kept: ...". */
export interface ArtifactRefusal {
  refused: string;
}

export interface ArtifactRecord {
  path: string;
  size_bytes: number;
  sha256: string;
}

/** Everything that one run has: made by the worker, used by exactly one call of `execute`. */
export interface RunContext<P extends object = object> {
  readonly task: RunTask;
  /** The payload, an instance of the DTO that the task type names, validated at intake. */
  readonly payload: P;
  readonly runId: string;
  /** 1 for the first run of the task. */
  readonly attempt: number;
  /** Aborted when the run must end; `signal.reason` is a StopReason. The executor then stops everything and returns. */
  readonly signal: AbortSignal;
  readonly log: RunLog;
}

/**
 * Does the work of one task type. Exactly one executor exists for a type, else the tower does not start.
 *
 * @example
 * ```ts
 * export class GreetPayload {
 *   @IsString() @MaxLength(100) name: string;
 * }
 *
 * @Executes('greet', { payload: GreetPayload })
 * @Injectable()
 * export class GreetExecutor implements Executor<GreetPayload> {
 *   async execute({ payload, log }: RunContext<GreetPayload>): Promise<Outcome> {
 *     await log.note(`Hello, ${payload.name}`);
 *     return { status: 'completed', result: { greeted: payload.name } };
 *   }
 * }
 * ```
 */
export interface Executor<P extends object = object> {
  execute(run: RunContext<P>): Promise<Outcome>;
  /** Ends what these runs have left on this host: their worker is gone, and nobody else will. */
  abandon?(runIds: ReadonlySet<string>): Promise<void>;
}
