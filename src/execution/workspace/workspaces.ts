import { mkdir, readdir, realpath, stat } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { Clock } from '../../common/clock.js';
import { checkPath, checkRef, parseRepository } from '../../common/repository.js';
import { Settings } from '../../config/settings.js';
import type { RunTarget } from '../../task-types/executor.js';
import type { Failure } from '../../task-types/outcome.js';
import { Checkout } from './checkout.js';
import { Mirrors } from './mirrors.js';
import { removeTree } from './remove-tree.js';

export interface Workspace {
  ok: true;
  /** Real absolute path of the folder that the command may write. */
  dir: string;
  /** Working directory inside it, `.` for the top. */
  cwd: string;
  source: WorkspaceSource | null;
}

/** What was checked out. */
export interface WorkspaceSource {
  /** As people are shown it, without credentials. */
  repository: string;
  /** null: the default branch. */
  ref: string | null;
  commit: string;
  /** False when everything was in the mirror already. */
  fetched: boolean;
  gitDir: string;
}

export type Prepared = Workspace | { ok: false; failure: Failure; retryable: boolean };

export interface PrepareRequest {
  runId: string;
  target: RunTarget | null;
  signal: AbortSignal;
}

const DAY_SECONDS = 86_400;
/** No task may run longer than a day: what is twice as old belongs to no run. */
const LEFTOVER_SECONDS = 2 * DAY_SECONDS;

/**
 * One folder a run: `<workspace root>/runs/<run id>/` with `files/`, which the command sees, and `git/`, which it does
 * not. Removed when the run ends; what a killed worker left is removed at the next start.
 */
@Injectable()
export class Workspaces implements OnApplicationBootstrap {
  private readonly logger = new Logger(Workspaces.name);
  private readonly root: string;

  constructor(
    private readonly settings: Settings,
    private readonly clock: Clock,
    private readonly mirrors: Mirrors,
    private readonly checkout: Checkout,
  ) {
    this.root = resolve(settings.workspaceRoot, 'runs');
  }

  async onApplicationBootstrap(): Promise<void> {
    const removed = await this.sweep({ mirrorsUnusedSeconds: this.settings.retentionDays * DAY_SECONDS });
    if (removed.length > 0)
      this.logger.log(`Removed ${removed.length} left-over workspaces and unused mirrors`);
  }

  /** Whatever the answer, release the run afterwards. */
  async prepare(request: PrepareRequest): Promise<Prepared> {
    const path = checkPath(request.target?.path ?? '.');
    if (!path.ok) return failed(path.message, false);
    const runDir = join(this.root, request.runId);
    try {
      // 0711: the command may run as another user, who must get through to its files, but need not look around.
      await mkdir(runDir, { recursive: true, mode: 0o711 });
      await mkdir(join(runDir, 'files'), { mode: 0o700 });
      const source = await this.fill(runDir, request);
      if (source && 'ok' in source) return source;
      const dir = await realpath(join(runDir, 'files'));
      const wrong = await refuseDirectory(dir, path.path);
      return wrong === null ? { ok: true, dir, cwd: path.path, source } : failed(wrong, false);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === undefined) throw error;
      return failed(`The workspace could not be made: ${message}`, true);
    }
  }

  /** Removes the folder of a run. One that cannot be removed is logged and left to the sweep. */
  async release(runId: string): Promise<void> {
    await removeTree(join(this.root, runId)).catch((error: unknown) => {
      this.logger.warn(`Workspace ${runId} could not be removed: ${String(error)}`);
    });
  }

  /**
   * Removes folders of runs that nobody can be running any more, and mirrors that no run has used for the given time.
   *
   * @returns what was removed, or with `dryRun` would be, relative to the workspace root
   */
  async sweep({
    mirrorsUnusedSeconds,
    dryRun = false,
  }: {
    mirrorsUnusedSeconds: number;
    dryRun?: boolean;
  }): Promise<string[]> {
    const old = [
      ...(await this.olderThan(this.root, LEFTOVER_SECONDS)),
      ...(await this.olderThan(this.mirrors.root, mirrorsUnusedSeconds)),
    ];
    if (!dryRun) for (const dir of old) await removeTree(dir);
    return old.map((dir) => dir.slice(resolve(this.settings.workspaceRoot).length + 1));
  }

  private async fill(
    runDir: string,
    { target, signal }: PrepareRequest,
  ): Promise<WorkspaceSource | Prepared | null> {
    if (target?.repository === undefined) return null;
    const parsed = parseRepository(target.repository);
    if (!parsed.ok) return failed(parsed.message, false);
    const ref = target.ref === undefined ? null : checkRef(target.ref);
    if (ref && !ref.ok) return failed(ref.message, false);
    const gitDir = join(runDir, 'git');
    const done = await this.checkout.run({
      repository: parsed.repository,
      ref: target.ref,
      gitDir,
      filesDir: join(runDir, 'files'),
      signal,
    });
    if (!done.ok) return failed(done.message, done.retryable);
    const { commit, fetched } = done;
    return { repository: parsed.repository.display, ref: target.ref ?? null, commit, fetched, gitDir };
  }

  private async olderThan(dir: string, seconds: number): Promise<string[]> {
    const latest = this.clock.now().getTime() - seconds * 1_000;
    const old: string[] = [];
    for (const name of await readdir(dir).catch(() => [])) {
      const stats = await stat(join(dir, name)).catch(() => null);
      if (stats && stats.mtimeMs < latest) old.push(join(dir, name));
    }
    return old;
  }
}

/** `path` must lead to a folder of the workspace, also when links of the repository are followed. */
async function refuseDirectory(root: string, path: string): Promise<string | null> {
  const real = await realpath(join(root, path)).catch(() => null);
  if (real === null) return `The repository has no folder ${path} at this commit.`;
  if (real !== root && !real.startsWith(root + sep)) return `${path} leads outside the workspace.`;
  return (await stat(real)).isDirectory() ? null : `${path} is not a folder.`;
}

function failed(message: string, retryable: boolean): Prepared {
  return { ok: false, failure: { reason: 'error', message }, retryable };
}
