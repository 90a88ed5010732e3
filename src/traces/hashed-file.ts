import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { Mutex } from 'async-mutex';
import { storing, TraceStorageError } from './trace-storage-error.js';

/** One file of a trace, as manifest.json lists it; `path` is relative to the run's folder. */
export interface FileRecord {
  path: string;
  size_bytes: number;
  sha256: string;
}

const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** A file that only grows. After a failed write every further call rejects with that failure: no gap is ever hidden. */
export class HashedFile {
  private readonly hash = createHash('sha256');
  private readonly turns = new Mutex();
  private failure: TraceStorageError | undefined;
  private size = 0;

  private constructor(
    private readonly handle: FileHandle,
    private readonly path: string,
  ) {}

  /**
   * @param path relative name, for the record and for messages
   * @throws TraceStorageError when `file` exists or cannot be made
   */
  static async create(file: string, path: string): Promise<HashedFile> {
    const handle = await storing(path, () => open(file, CREATE, 0o600));
    return new HashedFile(handle, path);
  }

  get sizeBytes(): number {
    return this.size;
  }

  /** Resolves when the operating system has the bytes; calls are stored in their order. */
  append(bytes: Buffer): Promise<void> {
    return this.turns.runExclusive(async () => {
      await this.attempt(() => this.handle.appendFile(bytes));
      this.hash.update(bytes);
      this.size += bytes.length;
    });
  }

  /** Flushes to the disk and closes, also when that fails. */
  async finish(): Promise<FileRecord> {
    return this.turns.runExclusive(async () => {
      try {
        await this.attempt(() => this.handle.datasync());
      } finally {
        await this.handle
          .close()
          .catch((error: unknown) => (this.failure ??= TraceStorageError.of(this.path, error)));
      }
      if (this.failure) throw this.failure;
      return { path: this.path, size_bytes: this.size, sha256: this.hash.digest('hex') };
    });
  }

  /** Closes without a promise about the content; never rejects. May be called at any time, also twice. */
  async abandon(): Promise<void> {
    this.failure ??= new TraceStorageError(`${this.path} is closed.`);
    await this.turns.runExclusive(() => this.handle.close()).catch(() => undefined);
  }

  private async attempt(work: () => Promise<void>): Promise<void> {
    if (this.failure) throw this.failure;
    try {
      await work();
    } catch (error) {
      this.failure = TraceStorageError.of(this.path, error);
      throw this.failure;
    }
  }
}
