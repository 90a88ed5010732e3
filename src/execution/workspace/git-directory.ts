import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GIT_CONFIG, GIT_CONFIG_FILE } from './git-environment.js';
import type { Mirror } from './mirrors.js';

/**
 * Makes the git directory of one run, by hand: what `git init` would do in a process, plus our configuration, plus the
 * objects of the mirror to borrow. Every run has its own, so runs share no lock, no ref and no index.
 */
export async function makeGitDirectory(gitDir: string, mirror: Mirror | null): Promise<void> {
  await mkdir(gitDir, { recursive: true, mode: 0o700 });
  await mkdir(join(gitDir, 'refs'));
  await mkdir(join(gitDir, 'objects/info'), { recursive: true });
  await writeFile(join(gitDir, 'HEAD'), 'ref: refs/heads/none\n');
  await writeFile(join(gitDir, GIT_CONFIG_FILE), GIT_CONFIG);
  if (mirror) await writeFile(join(gitDir, 'objects/info/alternates'), `${mirror.objectsDir}\n`);
}

/** Tells the server on the next fetch that we have this commit, so that it sends only what is new. */
export async function offerCommit(gitDir: string, commit: string): Promise<void> {
  await writeFile(join(gitDir, 'refs/have'), `${commit}\n`);
  // The parents of a commit fetched with --depth 1 are not here.
  await writeFile(join(gitDir, 'shallow'), `${commit}\n`);
}
