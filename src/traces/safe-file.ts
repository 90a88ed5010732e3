import { constants, type Dirent } from 'node:fs';
import { type FileHandle, open, opendir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { isInnerPath } from './trace-path.js';
import { errorCode } from './trace-storage-error.js';

/** O_NONBLOCK: opening a FIFO must not wait for its writer. */
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

const ABSENT = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG', 'ENXIO', 'EISDIR']);

/** A regular file, open for reading. Whoever gets it closes the handle, or reads a stream of `section` to its end. */
export interface OpenFile {
  handle: FileHandle;
  sizeBytes: number;
}

/** The folder itself, when it exists inside `root` and no link leads to it. `root` is a real path. */
export async function folderInside(root: string, path: string): Promise<string | undefined> {
  const folder = join(root, path);
  const isReal = (await present(realpath(folder))) === folder && (await present(stat(folder)))?.isDirectory();
  return isReal ? folder : undefined;
}

/**
 * Opens a regular file below `folder` (a real path). Anything else under that name, a link anywhere on the way
 * included, is not found.
 */
export async function openInside(folder: string, path: string): Promise<OpenFile | undefined> {
  if (!isInnerPath(path)) return undefined;
  const file = join(folder, path);
  const handle = await present(open(file, READ));
  if (!handle) return undefined;
  try {
    const opened = await handle.stat();
    // The path is resolved after opening and must lead to what was opened: no link can be slipped in between.
    const isReal = (await present(realpath(file))) === file;
    const named = await present(stat(file));
    if (opened.isFile() && isReal && named?.ino === opened.ino && named.dev === opened.dev) {
      return { handle, sizeBytes: opened.size };
    }
  } catch (error) {
    await handle.close();
    throw error;
  }
  await handle.close();
  return undefined;
}

/** The bytes from `start` up to `end` (exclusive); closes the handle when it ends or is destroyed. */
export async function section(
  { handle, sizeBytes }: OpenFile,
  start = 0,
  end = sizeBytes,
): Promise<Readable> {
  if (start < end) return handle.createReadStream({ start, end: end - 1 });
  await handle.close();
  return Readable.from([]);
}

/**
 * Every entry below `folder` that is not a folder, as relative paths; links are listed and never followed. A folder that
 * is removed meanwhile has no more entries.
 */
export async function* entriesBelow(
  folder: string,
  inner = '',
): AsyncGenerator<{ path: string; entry: Dirent }> {
  for await (const entry of (await present(opendir(join(folder, inner)))) ?? []) {
    const path = inner === '' ? entry.name : `${inner}/${entry.name}`;
    if (entry.isDirectory()) yield* entriesBelow(folder, path);
    else yield { path, entry };
  }
}

/** The value, or undefined when the file system says that there is no such file. */
export async function present<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (ABSENT.has(errorCode(error))) return undefined;
    throw error;
  }
}
