import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import ts from 'typescript';
import { secretFromFile } from './secret-file.js';
import { ConfigurationError } from './settings.js';

describe('secretFromFile', () => {
  let folder: string;
  let file: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'jct-secret-file-'));
    file = join(folder, 'new', 'secret');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** Compiles what it needs into a folder, so that processes of their own can run it. */
  function compile(): string {
    for (const module of ['secret-file', 'settings', 'settings-table', 'setting']) {
      const source = readFileSync(new URL(`./${module}.ts`, import.meta.url), 'utf8');
      const compilerOptions = { module: ts.ModuleKind.ES2022, target: ts.ScriptTarget.ES2022 };
      writeFileSync(join(folder, `${module}.js`), ts.transpileModule(source, { compilerOptions }).outputText);
    }
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    return join(folder, 'secret-file.js');
  }

  it('makes the file once, for its owner only, and leaves nothing else behind', () => {
    expect(secretFromFile('A_FILE', file, () => 'first')).toBe('first');
    expect(secretFromFile('A_FILE', file, () => 'second')).toBe('first');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(folder, 'new'))).toEqual(['secret']);
  });

  it('names the setting when the file cannot be used', () => {
    writeFileSync(join(folder, 'new'), 'a file where a folder should be');
    expect(() => secretFromFile('A_FILE', file, () => 'x')).toThrow(ConfigurationError);
    expect(() => secretFromFile('A_FILE', file, () => 'x')).toThrow(/A_FILE .*cannot be used/);
  });

  it('gives one secret to processes that start together', async () => {
    const script = `import { secretFromFile } from ${JSON.stringify(compile())};
      process.stdout.write('.');
      process.stdin.resume().on('end', () => console.log(secretFromFile('A_FILE', process.argv[1], () => String(process.pid))));`;
    const starting = Array.from({ length: 6 }, () => {
      const child = spawn(process.execPath, ['--input-type=module', '-e', script, file]);
      return { child, ready: Promise.race([once(child.stdout, 'data'), once(child, 'exit')]) };
    });
    await Promise.all(starting.map(({ ready }) => ready));
    const said = await Promise.all(
      starting.map(({ child }) => {
        child.stdin.end();
        return text(child.stdout);
      }),
    );
    expect(new Set(said.map((line) => line.trim()))).toEqual(new Set([readFileSync(file, 'utf8').trim()]));
  });
});
