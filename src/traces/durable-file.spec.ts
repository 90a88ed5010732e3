import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { writeDurably } from './durable-file.js';
import { TraceStorageError } from './trace-storage-error.js';

describe('writeDurably', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'jct-durable-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('stores the bytes for the owner only and answers their record', async () => {
    const bytes = Buffer.from('{"a":1}\n');
    const record = await writeDurably(folder, 'a.json', bytes);
    expect(record).toEqual({
      path: 'a.json',
      size_bytes: 8,
      sha256: createHash('sha256').update(bytes).digest('hex'),
    });
    expect(await readFile(join(folder, 'a.json'))).toEqual(bytes);
    expect((await stat(join(folder, 'a.json'))).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(['a.json']);
  });

  it('replaces a link under the final name and leaves its target alone', async () => {
    await writeFile(join(folder, 'target'), 'precious');
    await symlink('target', join(folder, 'a.json'));
    await writeDurably(folder, 'a.json', Buffer.from('new'));
    expect(await readFile(join(folder, 'target'), 'utf8')).toBe('precious');
    expect(await readFile(join(folder, 'a.json'), 'utf8')).toBe('new');
  });

  it('removes its temporary file when the rename fails, with the cause', async () => {
    await mkdir(join(folder, 'a.json', 'in-the-way'), { recursive: true });
    const failure: unknown = await writeDurably(folder, 'a.json', Buffer.from('x')).catch(
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(TraceStorageError);
    expect((failure as TraceStorageError).cause).toMatchObject({ syscall: 'rename' });
    expect(await readdir(folder)).toEqual(['a.json']);
  });

  it('says what to do when the folder is gone', async () => {
    await rm(folder, { recursive: true });
    await expect(writeDurably(folder, 'a.json', Buffer.from('x'))).rejects.toThrow(
      /a\.json cannot be stored.*do not move folders/,
    );
  });
});
