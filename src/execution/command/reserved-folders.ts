import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

/** HOME of the command: caches of package managers land here and are no change and no artifact. */
export const HOME_FOLDER = '.jct-home';
/** `$JCT_ARTIFACTS_DIR`: what is put here is kept. */
export const ARTIFACTS_FOLDER = '.jct-artifacts';

export const RESERVED_FOLDERS: readonly string[] = [HOME_FOLDER, ARTIFACTS_FOLDER];

/**
 * Makes the folders that the tower gives to a command. They must be new: a repository that brings one as a link would
 * send what is written there elsewhere.
 *
 * @returns the name that is taken; null when all were made
 */
export async function makeReservedFolders(workspaceDir: string): Promise<string | null> {
  for (const name of RESERVED_FOLDERS) {
    try {
      await mkdir(join(workspaceDir, name), { mode: 0o700 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return name;
      throw error;
    }
  }
  return null;
}
