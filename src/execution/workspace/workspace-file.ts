import { constants, type Stats } from 'node:fs';
import { open, readlink, realpath, type FileHandle } from 'node:fs/promises';
import { join, sep } from 'node:path';

export type OpenedFile =
  | { ok: true; handle: FileHandle; size: number }
  /** Completes the sentence "<path> ...". */
  | { ok: false; reason: string };

// NONBLOCK: opening a FIFO would wait for a writer. NOCTTY: a terminal must not become ours.
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;

/**
 * Opens a regular file of a workspace that a hostile command has written, for reading. Whatever is opened lies inside:
 * no link leads out, no hard link brings a foreign file in, and a folder that is exchanged for a link meanwhile is found
 * out. The caller closes the handle.
 *
 * @param root real path of the workspace
 * @param path relative, without `..`
 */
export async function openInside(root: string, path: string): Promise<OpenedFile> {
  const full = join(root, path);
  let handle: FileHandle | undefined;
  try {
    handle = await open(full, FLAGS);
    const stats = await handle.stat();
    const reason = refuseKind(stats) ?? refuseOutside(root, await realPathOf(handle, full));
    if (reason === null) return { ok: true, handle, size: stats.size };
    await handle.close();
    return { ok: false, reason };
  } catch (error) {
    await handle?.close();
    return { ok: false, reason: notOpened(error as NodeJS.ErrnoException) };
  }
}

function refuseKind(stats: Stats): string | null {
  if (!stats.isFile()) return 'is not a regular file';
  return stats.nlink > 1 ? 'has other hard links, which may lead outside: copy it (cp) instead' : null;
}

function refuseOutside(root: string, real: string): string | null {
  return real.startsWith(root + sep) ? null : 'lies outside the workspace';
}

/**
 * Where the opened file really lies. Linux tells from the descriptor itself; asking by name once more is what a command
 * that keeps exchanging a folder for a link wins against (it did, in the test). Elsewhere the name is all there is.
 */
async function realPathOf(handle: FileHandle, full: string): Promise<string> {
  return process.platform === 'linux' ? readlink(`/proc/self/fd/${handle.fd}`) : realpath(full);
}

function notOpened(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'ELOOP':
      return 'is a symbolic link';
    case 'ENOENT':
    case 'ENOTDIR':
      return 'does not exist';
    case 'ENXIO':
    case 'ENODEV':
      return 'is not a regular file';
    default:
      return `cannot be opened (${error.code ?? error.message})`;
  }
}

/** The text of a small file of the workspace, under the same promise. */
export async function readInside(
  root: string,
  path: string,
  bytesMax: number,
): Promise<{ ok: true; text: string } | { ok: false; reason: string }> {
  const opened = await openInside(root, path);
  if (!opened.ok) return opened;
  try {
    if (opened.size > bytesMax) return { ok: false, reason: `is larger than ${bytesMax} bytes` };
    const buffer = Buffer.alloc(opened.size);
    let length = 0;
    while (length < buffer.length) {
      const { bytesRead } = await opened.handle.read(buffer, length, buffer.length - length, length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return { ok: true, text: buffer.toString('utf8', 0, length).replace(/^\ufeff/, '') };
  } catch (error) {
    return { ok: false, reason: `cannot be read (${(error as NodeJS.ErrnoException).code})` };
  } finally {
    await opened.handle.close();
  }
}
