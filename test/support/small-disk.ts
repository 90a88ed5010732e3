import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from '@jest/globals';

const BALLAST = 'ballast';

/** A real file system in memory, small enough to be filled. Only root may make one. */
export class SmallDisk {
  private covers = 0;

  private constructor(readonly path: string) {}

  /** @param options of tmpfs: `size=8m`, `nr_inodes=100`. @throws Error where this user may not mount */
  static mount(options: string): SmallDisk {
    const path = mkdtempSync(join(tmpdir(), 'jct-small-disk-'));
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path], { stdio: 'ignore' });
    } catch (error) {
      rmSync(path, { recursive: true });
      throw error;
    }
    return new SmallDisk(path);
  }

  static get usable(): boolean {
    try {
      SmallDisk.mount('size=64k').unmount();
      return true;
    } catch {
      return false;
    }
  }

  /** Takes all space but so many bytes. */
  async fill(leaveBytes = 0): Promise<void> {
    const { bavail, bsize } = await statfs(this.path);
    writeFileSync(join(this.path, BALLAST), Buffer.alloc(Math.max(0, bavail * bsize - leaveBytes), 'x'));
  }

  /** Takes every inode. */
  fillInodes(): void {
    try {
      for (let count = 0; ; count += 1) writeFileSync(join(this.path, `${BALLAST}-${count}`), '');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
  }

  /** Gives back what fill() and fillInodes() took. */
  free(): void {
    execFileSync('find', [this.path, '-maxdepth', '1', '-name', `${BALLAST}*`, '-delete']);
  }

  /** From now on whoever comes by its path finds it read-only; files that are open stay writable. */
  makeReadOnly(): void {
    execFileSync('mount', ['--bind', this.path, this.path]);
    this.covers += 1;
    execFileSync('mount', ['-o', 'remount,bind,ro', this.path]);
  }

  makeWritable(): void {
    execFileSync('umount', ['--lazy', this.path]);
    this.covers -= 1;
  }

  /** Also while something on it is open. */
  unmount(): void {
    while (this.covers > 0) this.makeWritable();
    execFileSync('umount', ['--lazy', this.path]);
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** A suite that mounts; where that is not allowed, it is reported as skipped, with the reason. */
export function onSmallDisks(title: string, suite: () => void): void {
  if (SmallDisk.usable) describe(title, suite);
  else describe.skip(`${title} (skipped: this user may not mount a tmpfs)`, suite);
}
