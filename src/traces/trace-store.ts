import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { access, mkdir, open, realpath, statfs, unlink } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import { Settings } from '../config/settings.js';
import { writeDurably } from './durable-file.js';
import { LOG_FILE } from './log-file.js';
import { type LogRange, type LogSection, readLogSection } from './log-reader.js';
import { entriesBelow, folderInside, type OpenFile, openInside, present, section } from './safe-file.js';
import {
  removeTaskFolder,
  type RunFolder,
  runFolders,
  type TaskFolder,
  taskFolders,
} from './trace-folders.js';
import { isTracePath, type TraceTask, tracePath } from './trace-path.js';
import { storing, TraceStorageError } from './trace-storage-error.js';
import {
  type Manifest,
  parseManifest,
  readManifest,
  type TraceVerification,
  verifyFolder,
} from './trace-verifier.js';
import { type TraceRun, TraceWriter } from './trace-writer.js';

export interface TraceFile {
  /** Relative to the run's folder. */
  path: string;
  size_bytes: number;
}

const BESIDE = /^[a-z]{1,32}\.(json|md)$/;

/** Enough to need blocks of its own on every file system: an empty file can still be made on a full disk. */
const PROBE = Buffer.alloc(4_096, 0x20);

/** Of one run without artifacts: the folders of day, task and run, and five files. */
const INODES_OF_A_RUN = 8;

/**
 * The trace root: opens a folder for a run that starts, reads and verifies those of runs that were. A run's folder is
 * named by its path `<date>/<task id>/run-<n>`, as it stands on the run's row; a path of any other form is not found.
 */
@Injectable()
export class TraceStore {
  private readonly root: string;

  constructor(private readonly settings: Settings) {
    this.root = resolve(settings.traceRoot);
  }

  /** @throws TraceStorageError, also when a folder of this run exists */
  open(run: TraceRun): Promise<TraceWriter> {
    return TraceWriter.open(this.root, this.settings.logBytesMax, run);
  }

  pathOf(task: TraceTask, attempt: number): string {
    return tracePath(task, attempt);
  }

  /** Whether the run's folder is below this process's trace root. */
  async exists(path: string): Promise<boolean> {
    return (await this.folder(path)) !== undefined;
  }

  /** Null when the folder has none: its run is still going, or its worker died. Also when it cannot be parsed (see `verify`). */
  async manifest(path: string): Promise<Manifest | null> {
    const folder = await this.folder(path);
    const bytes = folder === undefined ? undefined : await readManifest(folder);
    return (bytes && parseManifest(bytes)) ?? null;
  }

  /** Regular files, sorted by path; undefined when there is no such folder. */
  async files(path: string): Promise<TraceFile[] | undefined> {
    const folder = await this.folder(path);
    if (folder === undefined) return undefined;
    const files: TraceFile[] = [];
    for await (const { path: name } of entriesBelow(folder)) {
      const file = await openInside(folder, name);
      if (!file) continue;
      await file.handle.close();
      files.push({ path: name, size_bytes: file.sizeBytes });
    }
    return files.sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  /**
   * @param name relative to the run's folder, whoever sent it
   * @returns undefined when it is not a regular file inside that folder. Read the stream to its end or destroy it
   */
  async readFile(path: string, name: string): Promise<{ stream: Readable; sizeBytes: number } | undefined> {
    const file = await this.file(path, name);
    return file && { stream: await section(file), sizeBytes: file.sizeBytes };
  }

  /** log.txt, also while it grows; undefined when there is none. */
  async readLog(path: string, range: LogRange = {}): Promise<LogSection | undefined> {
    const file = await this.file(path, LOG_FILE);
    return file && readLogSection(file, range);
  }

  /** Bytes of log.txt; undefined when there is none. */
  async logSize(path: string): Promise<number | undefined> {
    const file = await this.file(path, LOG_FILE);
    await file?.handle.close();
    return file?.sizeBytes;
  }

  /**
   * Writes `run-<n>.<name>` beside the run's folder: what is said of a run after it was sealed. The sealed folder stays as
   * it is; the file is replaced as a whole when it is written again, and goes when the task's traces go.
   *
   * @param name such as `diagnosis.json`
   * @returns its path relative to the trace root; undefined when the run has no folder here
   * @throws TraceStorageError
   */
  async writeBeside(path: string, name: string, bytes: Buffer): Promise<string | undefined> {
    if (!BESIDE.test(name)) throw new Error(`"${name}" cannot stand beside a trace`);
    const folder = await this.folder(path);
    if (folder === undefined) return undefined;
    await writeDurably(dirname(folder), `${basename(folder)}.${name}`, bytes);
    return `${path}.${name}`;
  }

  /** What writeBeside() wrote last; undefined when there is none. */
  async readBeside(path: string, name: string): Promise<Buffer | undefined> {
    const folder = BESIDE.test(name) ? await this.folder(path) : undefined;
    if (folder === undefined) return undefined;
    const file = await openInside(dirname(folder), `${basename(folder)}.${name}`);
    return file === undefined ? undefined : buffer(await section(file));
  }

  /** @param manifestSha256 from the run's row; null when the run was never sealed as far as the row knows */
  async verify(path: string, manifestSha256: string | null): Promise<TraceVerification> {
    return verifyFolder(await this.folder(path), manifestSha256);
  }

  /**
   * Bytes that the tower may still use below the trace root.
   * @throws TraceStorageError also when the file system has no inodes for another run, or became read-only
   */
  async freeBytes(): Promise<number> {
    const { bavail, bsize, files, ffree } = await storing('A new file', async () => {
      await mkdir(this.root, { recursive: true, mode: 0o700 });
      await access(this.root, constants.W_OK);
      return statfs(this.root);
    });
    // A file system that makes inodes as they are needed (btrfs) says that it has none at all.
    if (files > 0 && ffree < INODES_OF_A_RUN) {
      throw new TraceStorageError(
        `A new run cannot be stored in the trace: ${ffree} inodes are left; remove files on the disk of JCT_TRACE_ROOT.`,
      );
    }
    return bavail * bsize;
  }

  /** Writes and removes a small file. Undefined when that works, else why it does not. */
  async checkWritable(): Promise<TraceStorageError | undefined> {
    const file = join(this.root, `.probe-${randomBytes(6).toString('hex')}`);
    try {
      await mkdir(this.root, { recursive: true, mode: 0o700 });
      const handle = await open(file, 'wx', 0o600);
      try {
        await handle.writeFile(PROBE);
        await handle.sync();
      } finally {
        await handle.close().finally(() => unlink(file));
      }
      return undefined;
    } catch (error) {
      return TraceStorageError.of('A new file', error);
    }
  }

  /** Every run that has a folder. */
  async *runFolders(): AsyncGenerator<RunFolder> {
    const root = await present(realpath(this.root));
    if (root !== undefined) yield* runFolders(root);
  }

  /** Tasks created on a UTC day before that of `beforeDate`. */
  async *taskFolders(beforeDate: Date): AsyncGenerator<TaskFolder> {
    const root = await present(realpath(this.root));
    if (root !== undefined) yield* taskFolders(root, beforeDate);
  }

  /** @param path `<date>/<task id>`. @returns false when there is no such folder inside the root */
  async removeTaskFolder(path: string): Promise<boolean> {
    const root = await present(realpath(this.root));
    return root !== undefined && removeTaskFolder(root, path);
  }

  private async folder(path: string): Promise<string | undefined> {
    if (!isTracePath(path)) return undefined;
    const root = await present(realpath(this.root));
    return root === undefined ? undefined : folderInside(root, path);
  }

  private async file(path: string, name: string): Promise<OpenFile | undefined> {
    const folder = await this.folder(path);
    return folder === undefined ? undefined : openInside(folder, name);
  }
}
