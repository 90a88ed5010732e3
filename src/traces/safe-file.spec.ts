import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { entriesBelow } from './safe-file.js';

it('listing the files of a folder that is removed meanwhile ends early, without an error', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'jct-removed-'));
  for (const name of ['a', 'b', 'c']) {
    await mkdir(join(folder, name));
    await writeFile(join(folder, name, 'file'), '');
  }
  const seen: string[] = [];
  for await (const { path } of entriesBelow(folder)) {
    seen.push(path);
    await rm(folder, { recursive: true });
  }
  expect(seen).toHaveLength(1);
});
