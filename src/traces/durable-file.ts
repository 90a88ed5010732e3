import { createHash, randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { open, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { FileRecord } from './hashed-file.js';
import { storing } from './trace-storage-error.js';

const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/**
 * Under the final name there is, at every moment and after a power cut, either what was there before or all of `bytes`.
 * (Writing in place leaves an empty file under the final name when the disk is full.)
 *
 * @throws TraceStorageError; the temporary file is removed
 */
export async function writeDurably(folder: string, path: string, bytes: Buffer): Promise<FileRecord> {
  const final = join(folder, path);
  const temporary = `${final}.tmp-${randomBytes(6).toString('hex')}`;
  await storing(path, async () => {
    try {
      await writeFlushed(temporary, bytes);
      await rename(temporary, final);
    } catch (error) {
      await unlink(temporary).catch(() => undefined);
      throw error;
    }
    await flushFolder(dirname(final));
  });
  return { path, size_bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}

/** Makes the names in a folder as durable as the files behind them. */
export async function flushFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function writeFlushed(file: string, bytes: Buffer): Promise<void> {
  const handle = await open(file, CREATE, 0o600);
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
