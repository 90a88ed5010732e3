import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { clip } from '../clip.js';
import { git } from './git.js';
import type { Workspace } from './workspaces.js';

export type ChangedFiles = { ok: true; paths: string[] } | { ok: false; reason: string };

/**
 * What differs from the commit that was checked out: changed, deleted and new files, and folders of submodules that are
 * no longer empty. Files that the repository's .gitignore names do not count. The workspace is hostile by now: git reads its
 * files, but no configuration in it, and does not enter repositories inside it.
 */
export async function changedFiles(workspace: Workspace, signal: AbortSignal): Promise<ChangedFiles> {
  if (!workspace.source)
    return { ok: false, reason: 'needs target.repository: without a commit nothing can be compared' };
  const call = { gitDir: workspace.source.gitDir, workTree: workspace.dir, signal };
  const status = await git({
    ...call,
    args: [
      'status',
      '--porcelain=v1',
      '-z',
      '--untracked-files=all',
      '--ignore-submodules=all',
      '--no-renames',
    ],
  });
  if (!status.ok) return { ok: false, reason: `could not be found out: ${clip(status.message, 300)}` };
  const index = await git({ ...call, args: ['ls-files', '--stage', '-z'] });
  if (!index.ok) return { ok: false, reason: `could not be found out: ${clip(index.message, 300)}` };
  // Each is two letters, a space, and the path.
  const changed = entriesOf(status.stdout).map((entry) => entry.slice(3));
  const submodules = entriesOf(index.stdout)
    .filter((entry) => entry.startsWith('160000 '))
    .map((entry) => entry.slice(entry.indexOf('\t') + 1));
  for (const path of submodules) {
    if (!(await isEmptyFolder(join(workspace.dir, path)))) changed.push(path);
  }
  return { ok: true, paths: changed };
}

function entriesOf(list: string): string[] {
  return list.split('\0').filter((entry) => entry !== '');
}

async function isEmptyFolder(path: string): Promise<boolean> {
  const stats = await lstat(path).catch(() => null);
  return stats?.isDirectory() === true && (await readdir(path)).length === 0;
}
