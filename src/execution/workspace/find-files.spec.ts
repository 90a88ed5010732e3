import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { findFiles } from './find-files.js';
import { parseGlobs, segmentMatches } from './glob.js';

let root: string;

beforeAll(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'jct-find-')));
  const files = [
    'a.js',
    'b.ts',
    '.env',
    'dist/x.js',
    'dist/sub/y.js',
    'dist/sub/.z',
    'src/a/b/c.js',
    '[x].js',
    '{y}',
    'skip/a.js',
  ];
  for (const file of files) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), '');
  }
  symlinkSync('/etc', join(root, 'outside'));
  symlinkSync('dist', join(root, 'inside'));
  execFileSync('mkfifo', [join(root, 'fifo')]);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

async function found(...globs: string[]): Promise<string[]> {
  return (await findFiles(root, globs, { leaveOut: ['skip'], countMax: 100 })).paths;
}

describe('a glob', () => {
  it.each<[string[], string[]]>([
    [['*.js'], ['[x].js', 'a.js']],
    [['?.ts'], ['b.ts']],
    [['*'], ['.env', '[x].js', 'a.js', 'b.ts', 'fifo', 'inside', 'outside', '{y}']],
    [['**/*.js'], ['[x].js', 'a.js', 'dist/sub/y.js', 'dist/x.js', 'src/a/b/c.js']],
    [['dist'], ['dist/sub/.z', 'dist/sub/y.js', 'dist/x.js']],
    [['dist/'], ['dist/sub/.z', 'dist/sub/y.js', 'dist/x.js']],
    [['dist/**'], ['dist/sub/.z', 'dist/sub/y.js', 'dist/x.js']],
    [['./dist//*'], ['dist/x.js']],
    [
      ['*/*/y.js', 'dist/x.js', 'dist/*.js'],
      ['dist/sub/y.js', 'dist/x.js'],
    ],
    [
      ['{a,b}.{js,ts}', 'd{ist,}/x.js'],
      ['a.js', 'b.ts', 'dist/x.js'],
    ],
    [['src/**/c.js', 'src/**/b/**/c.js'], ['src/a/b/c.js']],
    [['[x].js'], ['[x].js']],
    [['a.js'], ['a.js']],
    [['skip/**', 'nothing', 'a.js/x', 'A.JS'], []],
  ])('%j names what its words say', async (globs, paths) => {
    expect(await found(...globs)).toEqual(paths);
  });

  it.each(['outside/**', '**/passwd', '{outside,x}/**', 'outside/passwd', 'inside/x.js'])(
    'does not lead through a link: %s',
    async (glob) => {
      expect((await found(glob)).filter((path) => /passwd|\//.test(path))).toEqual([]);
    },
  );

  it.each([
    ['/etc/*', /relative/],
    ['../x', /relative/],
    ['a/../b', /relative/],
    ['{..,a}/x', /relative/],
    ['', /1 to 512/],
    ['a'.repeat(513), /1 to 512/],
    ['a\\b', /control/],
    ['a\0b', /control/],
    ['{a', /braces/],
    ['a}', /braces/],
    ['{a,b}'.repeat(8), /alternatives/],
    ['a/'.repeat(40), /32 parts/],
  ])('is refused: %j', (glob, reason) => {
    const parsed = parseGlobs([glob]);
    expect(parsed.ok ? null : parsed.reason).toMatch(reason);
  });

  it('takes time in proportion, however many stars there are', () => {
    // picomatch 4.0.7: 26 s for half of these stars.
    const started = performance.now();
    expect(segmentMatches(`${'*a'.repeat(100)}*b`, 'a'.repeat(255))).toBe(false);
    expect(performance.now() - started).toBeLessThan(200);
  });

  it.each([
    ['*', '', true],
    ['a*', 'a', true],
    ['*a', 'ba', true],
    ['a*b*c', 'aXbXbc', true],
    ['a*b*c', 'acb', false],
    ['?', '', false],
    ['a?', 'a', false],
    ['', '', true],
    ['**', 'x', true],
  ])('%j against the name %j: %s', (pattern, name, fits) => {
    expect(segmentMatches(pattern, name)).toBe(fits);
  });
});

describe('findFiles', () => {
  it('stops at the number asked for and says so', async () => {
    expect(await findFiles(root, ['**'], { countMax: 3 })).toMatchObject({
      complete: false,
      paths: { length: 3 },
    });
  });
});
