import { chmod, readdir, rm } from 'node:fs/promises';

/**
 * Removes a folder and everything in it: read-only folders, names that are not UTF-8; links themselves, never what they
 * point to. A folder that is not there is fine.
 *
 * @throws the system's error when something cannot be removed
 */
export async function removeTree(dir: string): Promise<void> {
  try {
    await rm(dir, { recursive: true, force: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EACCES' && code !== 'EPERM' && code !== 'ENOTEMPTY') throw error;
    // Go's module cache, for one, is made of read-only folders.
    await makeWritable(Buffer.from(dir));
    await rm(dir, { recursive: true, force: true });
  }
}

async function makeWritable(dir: Buffer): Promise<void> {
  await chmod(dir, 0o700);
  for (const entry of await readdir(dir, { withFileTypes: true, encoding: 'buffer' })) {
    if (entry.isDirectory()) await makeWritable(Buffer.concat([dir, Buffer.from('/'), entry.name]));
  }
}
