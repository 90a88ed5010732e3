import { randomBytes } from 'node:crypto';
import { read } from 'node:fs';
import { lstat, mkdir, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { Mutex } from 'async-mutex';
import type { ArtifactRecord } from '../task-types/executor.js';
import { flushFolder } from './durable-file.js';
import { HashedFile } from './hashed-file.js';
import { isInnerPath } from './trace-path.js';
import { ArtifactRefusedError, errorCode, storing, TraceStorageError } from './trace-storage-error.js';

const readAt = promisify(read);

/** Bytes that one run may keep in all. More belongs into an artifact store. */
export const ARTIFACT_BYTES_MAX = 1_073_741_824;

/** Files that one run may keep in all: its manifest, which lists every one, must stay easy to read. */
export const ARTIFACTS_MAX = 10_000;

const CHUNK_BYTES = 262_144;

/** Two names that cannot both exist (`a` and `a/b`), or that this file system does not take. */
const NAME_CODES = new Set(['EEXIST', 'ENOTDIR', 'EISDIR', 'ENAMETOOLONG', 'EILSEQ', 'EINVAL']);

/** The folder `artifacts/` of one run: copies of files, hashed while they are copied, one at a time. */
export class ArtifactFolder {
  private readonly turns = new Mutex();
  private readonly kept: ArtifactRecord[] = [];
  private readonly folders = new Set<string>();
  private keptBytes = 0;

  /** @param runFolder absolute */
  constructor(private readonly runFolder: string) {}

  /**
   * @param source regular file; `size` bytes from its start are copied. The caller closes it
   * @throws ArtifactRefusedError nothing is kept: bad or taken name, over a limit, the file cannot be read or shrank
   * @throws TraceStorageError
   */
  async keep(name: string, source: { fd: number; size: number }): Promise<ArtifactRecord> {
    return this.turns.runExclusive(async () => {
      const path = `artifacts/${name}`;
      const refusal = this.refusalOf(path, source.size);
      if (refusal !== undefined) throw new ArtifactRefusedError(refusal);
      const record = await this.copy(path, source);
      this.keptBytes += record.size_bytes;
      this.kept.push(record);
      return record;
    });
  }

  /** Waits for the copy that is under way, makes the names durable and lists everything that is kept. */
  async finish(): Promise<ArtifactRecord[]> {
    return this.turns.runExclusive(async () => {
      for (const folder of this.folders) await storing('artifacts', () => flushFolder(folder));
      return this.kept;
    });
  }

  private refusalOf(path: string, sizeBytes: number): string | undefined {
    if (!isInnerPath(path)) return `${JSON.stringify(path)} is not a name for an artifact.`;
    if (this.kept.length >= ARTIFACTS_MAX) {
      return `${path} does not fit: a run may keep ${ARTIFACTS_MAX} files. Pack them into an archive.`;
    }
    if (this.keptBytes + sizeBytes <= ARTIFACT_BYTES_MAX) return undefined;
    const room = `a run may keep ${ARTIFACT_BYTES_MAX} bytes of artifacts, ${this.keptBytes} are used`;
    return `${path} (${sizeBytes} bytes) does not fit: ${room}. Keep less, or push it to an artifact store.`;
  }

  /** Written aside and renamed: what a killed worker leaves under the name of an artifact is all of it. */
  private async copy(path: string, source: { fd: number; size: number }): Promise<ArtifactRecord> {
    const target = join(this.runFolder, path);
    await this.claimName(path, target);
    // Not beside the target: the suffix could make a long name too long.
    const aside = join(this.runFolder, `artifact.tmp-${randomBytes(6).toString('hex')}`);
    const file = await HashedFile.create(aside, path);
    try {
      await this.fill(file, path, source);
      const record = await file.finish();
      await naming(path, () => rename(aside, target));
      return record;
    } catch (error) {
      await file.abandon();
      await unlink(aside).catch(() => undefined);
      throw error;
    }
  }

  /** Makes the folders above the target. Nobody else writes here, so a name that is free stays free. */
  private async claimName(path: string, target: string): Promise<void> {
    await naming(path, async () => {
      await mkdir(dirname(target), { recursive: true, mode: 0o700 });
      if (await isThere(target)) throw nameRefused(path);
    });
    for (let folder = dirname(target); folder !== this.runFolder; folder = dirname(folder))
      this.folders.add(folder);
  }

  private async fill(
    file: HashedFile,
    path: string,
    { fd, size }: { fd: number; size: number },
  ): Promise<void> {
    const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, Math.max(1, size)));
    for (let position = 0; position < size;) {
      const length = Math.min(buffer.length, size - position);
      const { bytesRead } = await readAt(fd, buffer, 0, length, position).catch((error: unknown) => {
        throw new ArtifactRefusedError(`The file for ${path} cannot be read: ${errorCode(error)}.`, error);
      });
      if (bytesRead === 0) {
        throw new ArtifactRefusedError(
          `The file for ${path} shrank from ${size} to ${position} bytes while it was copied.`,
        );
      }
      await file.append(buffer.subarray(0, bytesRead));
      position += bytesRead;
    }
  }
}

/** Runs `work`; a name that cannot be there is a refusal, and not a failure of the storage. */
async function naming<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await storing(path, work);
  } catch (error) {
    const cause = error instanceof TraceStorageError ? error.cause : error;
    throw NAME_CODES.has(errorCode(cause)) ? nameRefused(path, cause) : error;
  }
}

function nameRefused(path: string, cause?: unknown): ArtifactRefusedError {
  return new ArtifactRefusedError(`${path} cannot be kept beside what is kept already.`, cause);
}

async function isThere(file: string): Promise<boolean> {
  try {
    await lstat(file);
    return true;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    throw error;
  }
}
