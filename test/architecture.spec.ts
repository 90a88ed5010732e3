import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

/**
 * The house: a module imports only what its line names, and a line names only lines above it, so that no cycle can be
 * written. docs/architecture.md carries the same list with the reasons.
 */
const FLOORS: Record<string, readonly string[]> = {
  common: [],
  config: [],
  database: ['common', 'config'],
  http: ['common', 'database'],
  auth: ['common', 'config'],
  signals: ['common', 'config', 'database'],
  events: ['common', 'config', 'database', 'http', 'signals'],
  webhooks: ['common', 'config', 'events'],
  'task-types': ['common'],
  outbound: ['common', 'config'],
  policies: ['common', 'config'],
  traces: ['common', 'config', 'task-types'],
  tasks: ['common', 'config', 'database', 'http', 'signals', 'events', 'task-types', 'outbound', 'policies'],
  callbacks: ['common', 'config', 'database', 'signals', 'outbound', 'tasks'],
  execution: ['common', 'config', 'outbound', 'task-types'],
  worker: ['common', 'config', 'signals', 'task-types', 'traces', 'tasks'],
  workflows: ['common', 'config', 'database', 'http', 'signals', 'events', 'tasks'],
  retention: ['common', 'config', 'events', 'task-types', 'traces', 'tasks', 'execution', 'workflows'],
  'trace-api': ['common', 'http', 'signals', 'traces', 'tasks'],
  agents: ['common', 'config', 'database', 'http', 'signals', 'events', 'outbound', 'traces', 'tasks'],
  orchestrator: ['common', 'config', 'events', 'callbacks', 'worker', 'workflows', 'retention', 'agents'],
  health: ['common', 'config', 'database', 'tasks', 'execution', 'worker', 'orchestrator'],
  openapi: ['common', 'http', 'task-types', 'tasks', 'workflows', 'health'],
};

const LINES_MAX = 300;
const CONSTRUCTOR_DEPENDENCIES_MAX = 6;

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => ({ path: `src/${path}`, text: readFileSync(join(root, 'src', path), 'utf8') }));
const product = files.filter(({ path }) => !path.endsWith('.spec.ts'));

function moduleOf(path: string): string | null {
  return /^src\/([^/]+)\//.exec(path)?.[1] ?? null;
}

function importsOf({ path, text }: { path: string; text: string }): string[] {
  const specifiers = [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']+)'/g)].map(
    ([, specifier]) => specifier,
  );
  return specifiers.map((specifier) => relative(root, resolve(root, dirname(path), specifier)));
}

describe('the house', () => {
  it('lists every module', () => {
    const modules = new Set(product.map(({ path }) => moduleOf(path)).filter((name) => name !== null));
    expect([...modules].sort()).toEqual(Object.keys(FLOORS).sort());
  });

  it('names only lines above', () => {
    const names = Object.keys(FLOORS);
    const wrong = names.flatMap((name, line) =>
      FLOORS[name]
        .filter((below) => names.indexOf(below) >= line || !names.includes(below))
        .map((below) => `${name} -> ${below}`),
    );
    expect(wrong).toEqual([]);
  });

  it('imports only what the line of a module names', () => {
    const wrong = product.flatMap((file) => {
      const own = moduleOf(file.path);
      if (own === null) return [];
      return importsOf(file)
        .filter((target) => {
          const other = moduleOf(target);
          return other !== own && (other === null || !FLOORS[own].includes(other));
        })
        .map((target) => `${file.path} -> ${target}`);
    });
    expect(wrong).toEqual([]);
  });

  it('names no module that it does not need', () => {
    const used = new Set(
      product.flatMap((file) =>
        importsOf(file).map((target) => `${moduleOf(file.path)} -> ${moduleOf(target)}`),
      ),
    );
    const unused = Object.entries(FLOORS).flatMap(([name, below]) =>
      below.map((each) => `${name} -> ${each}`).filter((line) => !used.has(line)),
    );
    expect(unused).toEqual([]);
  });

  it('reads the environment through one door', () => {
    const doors = product.filter(({ text }) => /process\.env\b/.test(text)).map(({ path }) => path);
    expect(doors).toEqual(['src/config/environment.ts']);
  });

  it('keeps files short', () => {
    const long = files
      .map(({ path, text }) => ({ path, lines: text.split('\n').length }))
      .filter(({ lines, path }) => lines > (path.endsWith('.spec.ts') ? 2 : 1) * LINES_MAX);
    expect(long).toEqual([]);
  });

  it('gives no class more than six dependencies', () => {
    const wide = product
      .map(({ path, text }) => {
        const [, parameters = ''] = /\n {2}constructor\(([\s\S]*?)\n? *\) \{/.exec(text) ?? [];
        return {
          path,
          dependencies: parameters.split(/,\s*\n/).filter((each) => /\bprivate readonly\b/.test(each)).length,
        };
      })
      .filter(({ dependencies }) => dependencies > CONSTRUCTOR_DEPENDENCIES_MAX);
    expect(wide).toEqual([]);
  });

  it('has no barrels, no forwardRef, no utils, and writes to the console in no room', () => {
    const found = product.flatMap(({ path, text }) => [
      ...(/(^|\/)(index|utils?|helpers?)\.ts$/.test(path) ? [path] : []),
      ...(/forwardRef|console\.(log|error|warn|info)|export \* from/.test(text) ? [path] : []),
    ]);
    expect(found).toEqual([]);
  });

  it('lets one room claim, and only the rooms of the queue change the state of a task', () => {
    const claims = product
      .filter(({ text }) => /task-queue\.js'/.test(text) && /\.claim\(/.test(text))
      .map(({ path }) => path);
    expect(claims).toEqual(['src/worker/slots.ts']);
    const writers = product
      .filter(({ text }) => /(UPDATE|DELETE FROM|INSERT INTO) tasks\b/.test(text))
      .map(({ path }) => dirname(path));
    expect([...new Set(writers)]).toEqual(['src/tasks/queue']);
  });
});
