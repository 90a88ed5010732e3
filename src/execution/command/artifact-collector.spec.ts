import { execFileSync } from 'node:child_process';
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { RecordingRunLog } from '../../../test/support/recording-run-log.js';
import { ArtifactCollector } from './artifact-collector.js';
import { makeReservedFolders } from './reserved-folders.js';

let base: string;
let root: string;
let log: RecordingRunLog;

beforeEach(async () => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'jct-artifacts-')));
  root = join(base, 'workspace');
  mkdirSync(root);
  await makeReservedFolders(root);
  log = new RecordingRunLog();
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

function write(path: string, text = path): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

async function collect(...globs: string[]): Promise<Record<string, string>> {
  await new ArtifactCollector(root, log).collect(globs);
  return Object.fromEntries(log.artifacts);
}

describe('artifacts', () => {
  it('are what the globs name and everything in $JCT_ARTIFACTS_DIR, nothing of HOME', async () => {
    write('dist/app.js', 'code');
    write('dist/.hidden');
    write('src/app.ts');
    write('.jct-home/.npm/cache');
    write('.jct-artifacts/report.html', 'html');
    write('.jct-artifacts/sub/x');
    expect(await collect('dist')).toEqual({
      'dist/app.js': 'code',
      'dist/.hidden': 'dist/.hidden',
      'report.html': 'html',
      'sub/x': '.jct-artifacts/sub/x',
    });
    expect(Object.keys(await collect('**')).filter((name) => name.startsWith('.jct'))).toEqual([]);
  });

  it('come with size and hash', async () => {
    write('a', 'abc');
    const [record] = await new ArtifactCollector(root, log).collect(['a']);
    expect(record).toEqual({
      path: 'a',
      size_bytes: 3,
      sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    });
    expect(log.events).toEqual([{ name: 'artifact.kept', data: record }]);
    expect(log.notes).toEqual(['Artifacts kept: 1 (3 bytes).']);
  });

  it('are regular files of the workspace: everything else is refused by name, and nothing hangs', async () => {
    writeFileSync(join(base, 'secret'), 'secret');
    mkdirSync(join(root, 'out'));
    symlinkSync('../../secret', join(root, 'out/link'));
    symlinkSync('/etc', join(root, 'out/etc'));
    linkSync(join(base, 'secret'), join(root, 'out/hard'));
    execFileSync('mkfifo', [join(root, 'out/fifo')]);
    mkdirSync(join(root, 'out/dir'));
    write(`out/${'n'.repeat(250)}`);
    write('out/line\nbreak');
    writeFileSync(Buffer.from(`${root}/out/\xff`, 'latin1'), '');
    write('out/ok');
    expect(await collect('out')).toEqual({ 'out/ok': 'out/ok' });
    expect(log.notes.sort()).toEqual([
      'Artifact "out/etc" was not kept: it is a symbolic link.',
      'Artifact "out/fifo" was not kept: it is not a regular file.',
      'Artifact "out/hard" was not kept: it has other hard links, which may lead outside: copy it (cp) instead.',
      'Artifact "out/line break" was not kept: it has control characters or "\\" in its name.',
      'Artifact "out/link" was not kept: it is a symbolic link.',
      expect.stringMatching(/^Artifact "out\/n+" was not kept: it has a name that is too long\.$/),
      'Artifact "out/\ufffd" was not kept: it has a name that is not UTF-8.',
      'Artifacts kept: 1 (6 bytes).',
    ]);
  });

  it('are not looked for where the command put a link in place of $JCT_ARTIFACTS_DIR', async () => {
    rmSync(join(root, '.jct-artifacts'), { recursive: true });
    symlinkSync('/etc', join(root, '.jct-artifacts'));
    expect(await collect()).toEqual({});
    expect(log.notes).toEqual(['Artifact ".jct-artifacts" was not kept: it is not a folder.']);
  });

  it('never take the place of one another', async () => {
    write('.jct-artifacts/dist', 'file');
    write('.jct-artifacts/a/b', 'first');
    write('dist/app.js');
    write('a/b', 'second');
    write('a/c', 'third');
    expect(await collect('dist', 'a')).toEqual({ dist: 'file', 'a/b': 'first', 'a/c': 'third' });
    expect(log.notes.filter((note) => note.includes('kept already'))).toHaveLength(2);
  });

  it('are at most 1,000, and what the trace refuses is said and fails nothing', async () => {
    for (let i = 0; i < 1_001; i += 1) write(`many/${i}`, '');
    expect(Object.keys(await collect('many'))).toHaveLength(1_000);
    expect(log.notes).toContain('Not all artifacts were looked at: at most 1000 are kept.');
    write('sparse', '');
    truncateSync(join(root, 'sparse'), 8 * 1024 ** 4);
    log = new RecordingRunLog();
    expect(await collect('sparse')).toEqual({});
    expect(log.notes.join()).toMatch(/"sparse" was not kept: it was refused by the trace\. It is too large/);
  });

  it('that are missing are no failure, but are said', async () => {
    expect(await collect('dist', '*.zip')).toEqual({});
    expect(log.notes).toEqual(['No artifact was found (dist, *.zip).']);
  });
});
