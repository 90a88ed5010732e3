import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { rename, symlink } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openInside, readInside } from './workspace-file.js';

let base: string;
let root: string;

beforeEach(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'jct-file-')));
  root = join(base, 'workspace');
  mkdirSync(join(root, 'dir'), { recursive: true });
  writeFileSync(join(base, 'secret'), 'secret');
  writeFileSync(join(root, 'dir/ok'), 'fine');
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

async function reasonOf(path: string): Promise<string | null> {
  const opened = await openInside(root, path);
  if (opened.ok) await opened.handle.close();
  return opened.ok ? null : opened.reason;
}

describe('openInside', () => {
  it('opens a regular file', async () => {
    expect(await readInside(root, 'dir/ok', 100)).toEqual({ ok: true, text: 'fine' });
    expect(await readInside(root, 'dir/ok', 3)).toEqual({ ok: false, reason: 'is larger than 3 bytes' });
  });

  it('refuses links, also those in the middle of the path and those that stay inside', async () => {
    symlinkSync('../secret', join(root, 'link'));
    symlinkSync('..', join(root, 'up'));
    symlinkSync('dir/ok', join(root, 'inner'));
    symlinkSync('nowhere', join(root, 'dangling'));
    expect(await reasonOf('link')).toBe('is a symbolic link');
    expect(await reasonOf('inner')).toBe('is a symbolic link');
    expect(await reasonOf('dangling')).toBe('is a symbolic link');
    expect(await reasonOf('up/secret')).toBe('lies outside the workspace');
  });

  it('refuses hard links', async () => {
    linkSync(join(base, 'secret'), join(root, 'hard'));
    expect(await reasonOf('hard')).toMatch(/hard links/);
  });

  it('refuses folders, FIFOs, sockets and devices, and waits for none of them', async () => {
    execFileSync('mkfifo', [join(root, 'fifo')]);
    const server = createServer();
    await new Promise<void>((listening) => server.listen(join(root, 'socket'), listening));
    expect(await reasonOf('dir')).toBe('is not a regular file');
    expect(await reasonOf('fifo')).toBe('is not a regular file');
    expect(await reasonOf('socket')).toBe('is not a regular file');
    expect(await reasonOf('nothing')).toBe('does not exist');
    expect(await reasonOf('dir/ok/below')).toBe('does not exist');
    expect(await reasonOf('x'.repeat(300))).toMatch(/ENAMETOOLONG/);
    await new Promise((closed) => server.close(closed));
    if (process.getuid?.() === 0) {
      execFileSync('mknod', [join(root, 'device'), 'c', '1', '5']);
      expect(await reasonOf('device')).toBe('is not a regular file');
    }
  });

  it('refuses what may not be read', async () => {
    chmodSync(join(root, 'dir/ok'), 0o000);
    if (process.getuid?.() !== 0) expect(await reasonOf('dir/ok')).toMatch(/EACCES/);
  });

  it('never reads a file outside, while somebody keeps exchanging the folder for a link', async () => {
    mkdirSync(join(base, 'foreign'));
    writeFileSync(join(base, 'foreign/ok'), 'secret');
    let stop = false;
    const exchange = (async () => {
      while (!stop) {
        await rename(join(root, 'dir'), join(root, 'aside'));
        await symlink('../foreign', join(root, 'dir'));
        rmSync(join(root, 'dir'));
        await rename(join(root, 'aside'), join(root, 'dir'));
      }
    })();
    const texts = new Set<string>();
    for (let i = 0; i < 500; i += 1) {
      const read = await readInside(root, 'dir/ok', 100);
      texts.add(read.ok ? read.text : 'refused');
    }
    stop = true;
    await exchange;
    expect(texts.has('secret')).toBe(false);
    expect(texts.has('fine')).toBe(true);
  });
});
