import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';

const FOLDER = 'examples/extension';

describe('docs/extending.md', () => {
  it('shows every file of the example as it is', () => {
    const page = readFileSync('docs/extending.md', 'utf8');
    const shown = new Map(
      [...page.matchAll(/`examples\/extension\/([^`]+)`:\n\n```\w+\n([\s\S]*?)\n```\n/g)].map(
        ([, name, text]) => [name, text.trim()],
      ),
    );
    const files = readdirSync(FOLDER).filter((name) => name !== 'README.md');
    expect([...shown.keys()].sort()).toEqual(files.sort());
    for (const name of files) expect(shown.get(name)).toBe(readFileSync(`${FOLDER}/${name}`, 'utf8').trim());
  });
});
