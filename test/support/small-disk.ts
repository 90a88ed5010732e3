import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from '@jest/globals';

const BALLAST = 'ballast';
const CHUNK = Buffer.alloc(4_096, 'x');

/** A real file system in memory, small enough to be filled. Only root may make one. */
export class SmallDisk {
  private covers = 0;

  private constructor(readonly path: string) {}

  /**
   * @param options of tmpfs: `size=8m`, `nr_inodes=100`
   * @param path an empty folder, gone afterwards
   * @throws Error where this user may not mount
   */
  static mount(options: string, path = mkdtempSync(join(tmpdir(), 'jct-small-disk-'))): SmallDisk {
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

  /** Takes all space that is left now. */
  fill(): void {
    const file = openSync(join(this.path, BALLAST), 'a');
    untilFull(() => writeSync(file, CHUNK));
    closeSync(file);
  }

  /** Takes every inode. */
  fillInodes(): void {
    let count = 0;
    untilFull(() => writeFileSync(join(this.path, `${BALLAST}-${count++}`), ''));
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

function untilFull(work: () => unknown): void {
  try {
    for (;;) work();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
}

/** A suite that mounts; where that is not allowed, it is reported as skipped, with the reason. */
export function onSmallDisks(title: string, suite: () => void): void {
  if (SmallDisk.usable) describe(title, suite);
  else describe.skip(`${title} (skipped: this user may not mount a tmpfs)`, suite);
}
