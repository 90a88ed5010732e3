import { mkdir, realpath, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { JsonObject } from '../common/json.js';
import type { ArtifactRecord, ArtifactRefusal, RunLog } from '../task-types/executor.js';
import { ArtifactFolder } from './artifact-folder.js';
import { flushFolder, writeDurably } from './durable-file.js';
import { EventLog } from './event-log.js';
import type { FileRecord } from './hashed-file.js';
import { LogFile } from './log-file.js';
import { RunClock } from './run-clock.js';
import { SecretMasker } from './secret-masker.js';
import { tracePath } from './trace-path.js';
import { ArtifactRefusedError, storing, TraceStorageError } from './trace-storage-error.js';

export const MANIFEST_FILE = 'manifest.json';
export const MANIFEST_VERSION = 1;

/** The run that a trace belongs to. */
export interface TraceRun {
  taskId: string;
  taskCreatedAt: Date;
  /** 1 for the first run. */
  attempt: number;
  runId: string;
  startedAt: Date;
  /** Masked from the first byte on; `mask()` adds more. */
  secrets: readonly string[];
  /** Told the size of log.txt whenever it has grown. Must not throw. */
  onLogGrowth?: (sizeBytes: number) => void;
}

/**
 * Writes the trace of one run. Exactly one of `seal` and `abandon` ends it; after that, and after a storage failure,
 * every call rejects with TraceStorageError.
 */
export class TraceWriter implements RunLog {
  private readonly files: FileRecord[] = [];
  private readonly facts: JsonObject = {};
  private readonly artifacts: ArtifactFolder;
  private failure: TraceStorageError | undefined;

  private constructor(
    /** `<date>/<task id>/run-<n>`, relative to the trace root. */
    readonly path: string,
    /** For what else leaves the run: failure messages, results. */
    readonly masker: SecretMasker,
    private readonly folder: string,
    private readonly run: TraceRun,
    private readonly log: LogFile,
    private readonly events: EventLog,
  ) {
    this.artifacts = new ArtifactFolder(folder);
  }

  /** @throws TraceStorageError, also when a folder of this run exists: it is evidence, nothing is written over it */
  static async open(root: string, logBytesMax: number, run: TraceRun): Promise<TraceWriter> {
    const path = tracePath({ id: run.taskId, createdAt: run.taskCreatedAt }, run.attempt);
    const folder = await storing(path, () => makeFolder(root, path));
    const clock = new RunClock(run.startedAt);
    const masker = new SecretMasker(run.secrets);
    const events = await EventLog.create(folder, clock, masker);
    try {
      const onGrowth = run.onLogGrowth ?? (() => undefined);
      const log = await LogFile.create({ folder, clock, masker, bytesMax: logBytesMax, onGrowth });
      return new TraceWriter(path, masker, folder, run, log, events);
    } catch (error) {
      await events.finish().catch(() => undefined);
      throw error;
    }
  }

  /** Writes input.json, durably, before anything runs. */
  input(task: JsonObject): Promise<void> {
    return this.attempt(() => this.writeJson('input.json', task));
  }

  output(stream: 'stdout' | 'stderr', chunk: Buffer): Promise<void> {
    return this.attempt(() => this.log.output(stream, chunk));
  }

  note(line: string): Promise<void> {
    return this.attempt(() => this.log.note(line));
  }

  event(name: string, data?: JsonObject): Promise<void> {
    return this.attempt(() => this.events.append(name, data));
  }

  artifact(name: string, source: { fd: number; size: number }): Promise<ArtifactRecord | ArtifactRefusal> {
    return this.attempt(async () => {
      if (this.masker.mask(name) !== name) return { refused: 'The name of an artifact contains a secret.' };
      try {
        return await this.artifacts.keep(name, source);
      } catch (error) {
        if (error instanceof ArtifactRefusedError) return { refused: error.message };
        throw error;
      }
    });
  }

  fact(key: 'sandbox' | 'repository' | 'process', value: JsonObject): void {
    this.facts[key] = value;
  }

  mask(secret: string): void {
    this.masker.add(secret);
  }

  /**
   * Completes the folder: flushes log and events, writes output.json, then manifest.json, which lists every other file.
   * When that fails, everything is closed and there is no manifest.
   *
   * @param manifest members of manifest.json beside those that the trace knows itself
   * @returns SHA-256 and size of manifest.json, to be stored with the run
   */
  async seal(end: {
    output: JsonObject;
    manifest: JsonObject;
  }): Promise<{ sha256: string; sizeBytes: number }> {
    if (this.failure) throw this.failure;
    this.failure = new TraceStorageError('The trace of this run is sealed; nothing can be added.');
    try {
      this.files.push(
        ...(await this.artifacts.finish()),
        await this.log.finish(),
        await this.events.finish(),
      );
      await this.writeJson('output.json', end.output);
      const { sha256, size_bytes: sizeBytes } = await this.writeManifest(end.manifest);
      return { sha256, sizeBytes };
    } catch (error) {
      // It may stand there already, its name not durable: a run that is told as failed has no manifest that says otherwise.
      await unlink(join(this.folder, MANIFEST_FILE)).catch(() => undefined);
      await this.abandon();
      throw error;
    }
  }

  /** The run is no longer ours, or its trace failed: closes everything, leaves no manifest, never rejects. */
  async abandon(): Promise<void> {
    this.failure ??= new TraceStorageError('The trace of this run was given up; nothing can be added.');
    await Promise.allSettled([this.artifacts.finish(), this.log.finish(), this.events.finish()]);
  }

  private async writeJson(path: string, value: JsonObject): Promise<void> {
    this.files.push(await writeDurably(this.folder, path, jsonBytes(this.masker.maskJson(value))));
  }

  /** What proves the folder (ids, chain, hashes) is never masked: a changed hash would look like tampering. */
  private writeManifest(manifest: JsonObject): Promise<FileRecord> {
    const { taskId, runId, attempt, startedAt } = this.run;
    const content = {
      version: MANIFEST_VERSION,
      task_id: taskId,
      run_id: runId,
      attempt,
      started_at: startedAt.toISOString(),
      ...this.masker.maskJson({ ...manifest, ...this.facts }),
      events: this.events.end,
      files: this.files.toSorted((a, b) => (a.path < b.path ? -1 : 1)),
    };
    return writeDurably(this.folder, MANIFEST_FILE, jsonBytes(content));
  }

  /** A failure to store is final. */
  private async attempt<T>(work: () => Promise<T>): Promise<T> {
    if (this.failure) throw this.failure;
    try {
      return await work();
    } catch (error) {
      if (error instanceof TraceStorageError) this.failure ??= error;
      throw error;
    }
  }
}

function jsonBytes(value: JsonObject): Buffer {
  return Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
}

/** Makes root, day, task and run folder, and their names durable. Only the last must be new. */
async function makeFolder(root: string, path: string): Promise<string> {
  await mkdir(root, { recursive: true, mode: 0o700 });
  const realRoot = await realpath(root);
  const folder = join(realRoot, path);
  await mkdir(dirname(folder), { recursive: true, mode: 0o700 });
  if ((await realpath(dirname(folder))) !== dirname(folder)) {
    throw new Error('a link stands where a folder of the trace root is expected; remove it');
  }
  await mkdir(folder, { mode: 0o700 });
  const task = dirname(folder);
  for (const parent of [task, dirname(task), realRoot]) await flushFolder(parent);
  return folder;
}
