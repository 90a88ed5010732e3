import { execFile } from 'node:child_process';
import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packageFile } from '../src/common/version.js';
import { DemoError } from './demo-error.js';
import { gitEnvironment } from './environment.js';

const run = promisify(execFile);

const CONFIGURATION = {
  'user.name': 'Demo',
  'user.email': 'demo@localhost',
  'init.defaultBranch': 'main',
  'commit.gpgSign': 'false',
};

export interface ExampleRepository {
  path: string;
  commit: string;
}

/**
 * Makes a real repository of examples/widgets.
 *
 * @param home folder that becomes the parent of the repository and stands for git's home
 */
export async function makeExampleRepository(home: string): Promise<ExampleRepository> {
  const path = join(home, 'widgets');
  await cp(packageFile('examples/widgets'), path, { recursive: true, filter: isSource });
  await git(home, path, 'init', '--quiet');
  await git(home, path, 'add', '--all');
  await git(home, path, 'commit', '--quiet', '--message', 'Open the shop');
  return { path, commit: await git(home, path, 'rev-parse', 'HEAD') };
}

/** What somebody who tried the example left there is not copied; .gitignore names the rest. */
function isSource(path: string): boolean {
  return !/[\\/](\.git|node_modules)$/.test(path);
}

/** Writes a file into the repository and commits it. @returns the commit */
export async function commitFile(
  home: string,
  { path }: ExampleRepository,
  file: string,
  content: string,
  message: string,
): Promise<string> {
  await writeFile(join(path, file), content);
  await git(home, path, 'add', '--all');
  await git(home, path, 'commit', '--quiet', '--message', message);
  return git(home, path, 'rev-parse', 'HEAD');
}

async function git(home: string, cwd: string, ...args: string[]): Promise<string> {
  const configuration = Object.entries(CONFIGURATION).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
  try {
    const { stdout } = await run('git', [...configuration, ...args], { cwd, env: gitEnvironment(home) });
    return stdout.trim();
  } catch (error) {
    const { code, stderr = '' } = error as { code?: string | number; stderr?: string };
    throw code === 'ENOENT'
      ? new DemoError(
          'git is not installed, or not on the PATH. The demo makes a repository with it, and the tower checks it out.\n' +
            'Install git (Debian and Ubuntu: apt-get install git; macOS: xcode-select --install) and run this again.',
        )
      : new DemoError(`git ${args[0]} failed: ${stderr.trim() || (error as Error).message}`);
  }
}
