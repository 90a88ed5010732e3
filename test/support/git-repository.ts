import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const IDENTITY = [
  '-c',
  'user.name=Test',
  '-c',
  'user.email=test@example.org',
  '-c',
  'init.defaultBranch=main',
];

/** A real repository in a folder, driven by the git CLI; for tests only. */
export class GitRepository {
  constructor(readonly dir: string) {
    mkdirSync(dir, { recursive: true });
    this.git('init', '--quiet');
  }

  git(...args: string[]): string {
    const env = { PATH: process.env['PATH'], HOME: this.dir, GIT_CONFIG_NOSYSTEM: '1' };
    return execFileSync('git', [...IDENTITY, ...args], {
      cwd: this.dir,
      env,
      encoding: 'utf8',
      stdio: 'pipe',
    }).trim();
  }

  write(path: string, content: string): void {
    mkdirSync(dirname(join(this.dir, path)), { recursive: true });
    writeFileSync(join(this.dir, path), content);
  }

  /** Commits everything there is and returns the commit id. */
  commit(files: Record<string, string> = {}): string {
    for (const [path, content] of Object.entries(files)) this.write(path, content);
    this.git('add', '--all');
    this.git('commit', '--quiet', '--allow-empty', '--no-verify', '--message', 'change');
    return this.git('rev-parse', 'HEAD');
  }
}
