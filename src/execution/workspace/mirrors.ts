import { createHash } from 'node:crypto';
import { link, mkdir, readdir, readFile, rename, utimes, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Injectable } from '@nestjs/common';
import { Mutex } from 'async-mutex';
import { newId } from '../../common/ids.js';
import type { Repository } from '../../common/repository.js';
import { Settings } from '../../config/settings.js';
import { removeTree } from './remove-tree.js';

export interface Mirror {
  dir: string;
  objectsDir: string;
  /** The commit that was fetched last. */
  latest: string | null;
}

/**
 * What was fetched of every repository: `<workspace root>/mirrors/<sha256 of url>/`, packs and nothing else. A cache:
 * whoever finds it damaged or gone fetches without it. Runs of several processes may use and fill it at once, because
 * a pack is named by its content, complete when it appears, and never changed.
 */
@Injectable()
export class Mirrors {
  readonly root: string;
  private readonly turns = new Map<string, { mutex: Mutex; users: number }>();

  constructor(settings: Settings) {
    this.root = resolve(settings.workspaceRoot, 'mirrors');
  }

  async open({ url }: Repository): Promise<Mirror> {
    const dir = this.dirOf(url);
    const objectsDir = join(dir, 'objects');
    await mkdir(join(objectsDir, 'pack'), { recursive: true, mode: 0o700 });
    // The time of last use: Workspaces.sweep removes what nobody uses.
    await utimes(dir, new Date(), new Date());
    const latest = await readFile(join(dir, 'latest'), 'utf8').catch(() => '');
    return { dir, objectsDir, latest: /^[0-9a-f]{40}\n$/.test(latest) ? latest.trim() : null };
  }

  /**
   * One fetch of a repository at a time in this process: those who wait find most of what they need.
   * @returns null when the signal was aborted while waiting
   */
  async inTurn<T>({ url }: Repository, signal: AbortSignal, work: () => Promise<T>): Promise<T | null> {
    const turn = this.turns.get(url) ?? { mutex: new Mutex(), users: 0 };
    this.turns.set(url, turn);
    turn.users += 1;
    try {
      const done = await acquire(turn.mutex, signal);
      if (!done) return null;
      try {
        return await work();
      } finally {
        done();
      }
    } finally {
      turn.users -= 1;
      if (turn.users === 0) this.turns.delete(url);
    }
  }

  /** Adds what a run has fetched. Best effort: without it the next fetch is slower, and that is all. */
  async publish({ dir }: Mirror, gitDir: string, commit: string): Promise<void> {
    const packs = join(gitDir, 'objects/pack');
    try {
      const files = await readdir(packs);
      // git looks for .idx: it comes last.
      files.sort((a, b) => Number(a.endsWith('.idx')) - Number(b.endsWith('.idx')));
      for (const file of files) {
        if (/^pack-[0-9a-f]+\.(pack|rev|idx)$/.test(file))
          await putLink(join(packs, file), join(dir, 'objects/pack', file));
      }
      const fresh = join(dir, `latest.${newId()}`);
      await writeFile(fresh, `${commit}\n`, { flag: 'wx' });
      await rename(fresh, join(dir, 'latest'));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    }
  }

  /** Forgets everything of a repository. Others that use it now fetch once more. */
  async drop({ url }: Repository): Promise<void> {
    const dir = this.dirOf(url);
    const away = `${dir}.${newId()}`;
    const moved = await rename(dir, away).then(
      () => true,
      () => false,
    );
    if (moved) await removeTree(away);
  }

  private dirOf(url: string): string {
    return join(this.root, createHash('sha256').update(url).digest('hex'));
  }
}

async function acquire(mutex: Mutex, signal: AbortSignal): Promise<(() => void) | null> {
  if (signal.aborted) return null;
  let gaveUp: () => void = () => undefined;
  const aborted = new Promise<null>((give) => (gaveUp = () => give(null)));
  signal.addEventListener('abort', gaveUp, { once: true });
  const turn = mutex.acquire();
  const release = await Promise.race([turn, aborted]);
  signal.removeEventListener('abort', gaveUp);
  if (!release) void turn.then((late) => late());
  return release;
}

/** Over whatever has that name: by its name the content is the same, unless it was damaged. */
async function putLink(from: string, to: string): Promise<void> {
  const fresh = `${to}.${newId()}`;
  await link(from, fresh);
  await rename(fresh, to);
}
