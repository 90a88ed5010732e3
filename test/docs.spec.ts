import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { getMetadataStorage } from 'class-validator';
import { SETTINGS } from '../src/config/settings-table.js';
import { violationsOf } from '../src/http/validation.js';
import { BUILT_IN_RULES } from '../src/policies/rules/built-in-rules.js';
import { FAILURE_REASONS } from '../src/task-types/outcome.js';
import { BLOCKERS } from '../src/tasks/dto/explanation.dto.js';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const below = (folder: string, end: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith(end))
    .map((path) => `${folder}/${path}`);

const sources = below('src', '.ts')
  .filter((path) => !path.endsWith('.spec.ts'))
  .map((path) => ({ path, text: read(path) }));
const pages = ['README.md', 'CHANGELOG.md', ...below('docs', '.md')].map((path) => ({
  path,
  text: read(path),
}));

const unique = (texts: Iterable<string>): string[] => [...new Set(texts)].sort();
const found = (text: string, pattern: RegExp): string[] =>
  [...text.matchAll(pattern)].map(([, group]) => group);

/** The part of a page under one heading of level 2. */
function section(page: string, heading: string): string {
  const [, rest] = read(page).split(`\n## ${heading}\n`);
  if (rest === undefined) throw new Error(`${page} has no section "${heading}"`);
  return rest.split('\n## ')[0];
}

/** The cells of every row of the first table in a text, without its head. */
function tableRows(text: string): string[][] {
  const rows = text.split('\n').filter((line) => line.startsWith('|'));
  return rows.slice(2).map((row) =>
    row
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

const codesOfTable = (page: string, heading: string): string[] =>
  unique(tableRows(section(page, heading)).flatMap(([first]) => found(first, /`([^`]+)`/g)));

const codesOfHeadings = (page: string, heading: string): string[] =>
  unique(found(section(page, heading), /^### (.+)$/gm).map((code) => code.toUpperCase()));

/** The text between the bracket at the end of `start` and the one that closes it. */
function* calls(text: string, start: RegExp): Generator<{ name: string; argument: string }> {
  for (const match of text.matchAll(start)) {
    const begin = match.index + match[0].length;
    let end = begin;
    for (let depth = 1; depth > 0 && end < text.length; end += 1) {
      if (text[end] === '(') depth += 1;
      else if (text[end] === ')') depth -= 1;
    }
    yield { name: match[1], argument: text.slice(begin, end - 1) };
  }
}

const ERROR =
  /new (AppError|MalformedRequestError|ValidationError|NotFoundError|ConflictError|UnavailableError)\(/g;
const CODE = /'([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*)'/g;
const VIOLATION = /code: '([A-Z][A-Z0-9_]+)'/g;

function problemCodes(): string[] {
  const constructed = sources.flatMap(({ text }) =>
    [...calls(text, ERROR)].flatMap(({ name, argument }) => {
      const codes = found(argument.replace(VIOLATION, ''), CODE);
      return name === 'NotFoundError' ? codes.map((code) => `${code}_NOT_FOUND`) : codes;
    }),
  );
  // What the classes themselves give: `super(503, 'UNAVAILABLE', ...` and `code = 'VALIDATION_FAILED'`.
  const own = found(read('src/common/errors.ts'), /(?:super\(\d+, |code = )'([A-Z_]+)'/g);
  return unique([...constructed, ...own]);
}

/** Every rule of class-validator that a request can break, as the API names it. */
async function ruleCodes(): Promise<string[]> {
  const storage = getMetadataStorage();
  const codes: string[] = [];
  for (const { path } of sources.filter(({ path }) => /\.(dto|payload|query)\.ts$/.test(path))) {
    const module = (await import(`../${path.replace(/\.ts$/, '.js')}`)) as Record<string, unknown>;
    const classes = Object.values(module).filter((each) => typeof each === 'function');
    const rules = classes.flatMap((each) => storage.getTargetValidationMetadatas(each, '', true, false));
    for (const { type, name, constraintCls } of rules) {
      if (type === 'conditionalValidation') continue;
      const constraint =
        name ?? (constraintCls ? storage.getTargetValidatorConstraints(constraintCls)[0].name : type);
      const finding = { property: 'x', value: 0, constraints: { [constraint]: '' } };
      codes.push(...violationsOf([finding]).map(({ code }) => code));
    }
  }
  return codes;
}

describe('docs/errors.md', () => {
  const page = 'docs/errors.md';

  it('has a section for every code of a problem, and for no other', () => {
    expect(codesOfHeadings(page, 'Problem codes')).toEqual(problemCodes());
  });

  it('has a section for every code of a policy rule, and for no other', () => {
    const own = found(read('src/policies/gate.ts'), VIOLATION);
    expect(codesOfHeadings(page, 'Policy rule codes')).toEqual(
      unique([...BUILT_IN_RULES.map(({ code }) => code), ...own]),
    );
  });

  it('lists every code of a violation, and no other', async () => {
    const rooms = sources.filter(({ path }) => !/^src\/(policies|openapi|database)\//.test(path));
    const blockers = new Set<string>(BLOCKERS);
    const literal = rooms.flatMap(({ text }) => found(text, VIOLATION)).filter((code) => !blockers.has(code));
    const hostile = found(read('src/http/json-guard.ts'), /report\(\s*'([A-Z_]+)'/g);
    const words = found(read('src/http/validation.ts'), /return '([A-Z_]+)'/g);
    expect(codesOfTable(page, 'Violation codes')).toEqual(
      unique([...literal, ...hostile, ...words, ...(await ruleCodes())]),
    );
  });

  it('explains every reason of a failure, every blocker and every finding of a verification', () => {
    expect(codesOfTable(page, 'Why a task failed')).toEqual(unique(FAILURE_REASONS));
    expect(codesOfTable(page, 'Why a task waits')).toEqual(unique(BLOCKERS));
    const findings = /code: ('missing'[^;]+);/.exec(read('src/traces/trace-verifier.ts'))![1];
    expect(codesOfTable(page, 'Why a trace does not verify')).toEqual(unique(found(findings, /'(\w+)'/g)));
  });
});

describe('the documents', () => {
  it('have no relative link that leads nowhere', () => {
    const slugs = (path: string): string[] =>
      found(read(path), /^#+ (.+)$/gm).map((heading) =>
        heading
          .toLowerCase()
          .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
          .replaceAll(' ', '-'),
      );
    const broken = pages.flatMap(({ path, text }) =>
      found(text.replaceAll(/```[\s\S]*?```/g, ''), /\]\(([^)\s]+)\)/g)
        .filter((link) => !/^[a-z]+:/.test(link))
        .filter((link) => {
          const [file, anchor] = link.split('#');
          const target = file === '' ? path : relative(root, resolve(root, dirname(path), file));
          if (!existsSync(join(root, target))) return true;
          return anchor !== undefined && target.endsWith('.md') && !slugs(target).includes(anchor);
        })
        .map((link) => `${path} -> ${link}`),
    );
    expect(broken).toEqual([]);
  });

  it('list every setting with its default', () => {
    const rows = tableRows(section('docs/operations.md', 'Settings'));
    const documented = rows.map(([name, fallback]) => `${name} ${fallback}`);
    const settings = Object.values(SETTINGS);
    expect(documented).toEqual(
      settings.map(({ env, example }) => `\`${env}\` ${example ? `\`${example}\`` : '-'}`),
    );
  });

  it('list every endpoint', () => {
    const served = sources.flatMap(({ text }) => {
      const [, base = ''] = /@Controller\((?:'([^']*)')?\)/.exec(text) ?? [];
      return [...text.matchAll(/@(Get|Post)\((?:'([^']*)')?\)/g)].map(([, method, path = '']) => {
        const parts = `${base}/${path}`.split('/').filter((part) => part !== '');
        const names = parts.map((part) => part.replace(/^[:*](.+)$/, '{$1}'));
        return `${method.toUpperCase()} /${names.join('/')}`;
      });
    });
    const listed = tableRows(section('README.md', 'Endpoints')).flatMap(([cell]) =>
      found(cell, /`([^`]+)`/g),
    );
    expect(unique(listed)).toEqual(unique(served));
  });

  it('draw the floors as test/architecture.spec.ts has them', () => {
    const [, block] = /const FLOORS[^{]*\{([\s\S]*?)\n\};/.exec(read('test/architecture.spec.ts'))!;
    const floors = [...block.matchAll(/'?([a-z-]+)'?: \[([^\]]*)\]/g)].map(
      ([, name, names]) => `${name}: ${found(names, /'([a-z-]+)'/g).join(', ')}`,
    );
    const drawn = tableRows(section('docs/architecture.md', 'Floors')).map(
      ([name, names]) => `${found(name, /`(.+)`/g)[0]}: ${found(names, /`([a-z-]+)`/g).join(', ')}`,
    );
    expect(drawn).toEqual(floors);
  });

  it('name only tests that there are as proof of a guarantee', () => {
    const proofs = [
      ...read('docs/guarantees.md').matchAll(/\[`[^`]+`\]\(\.\.\/((?:src|test)\/[^)]+)\) "([^"]+)"/g),
    ];
    expect(proofs.length).toBeGreaterThan(40);
    const missing = proofs.filter(
      ([, path, name]) => !existsSync(join(root, path)) || !read(path).includes(name),
    );
    expect(missing.map(([, path, name]) => `${path}: ${name}`)).toEqual([]);
  });

  it('give every row of the fault suite its tests, and every such test its row', () => {
    const specs = [...below('src', '.spec.ts'), ...below('test', 'spec.ts')];
    const tested = specs.flatMap((path) =>
      unique(found(read(path), /['`"](F\d\d) /g)).map((row) => `${row} ${path}`),
    );
    const listed = tableRows(read('docs/faults.md')).flatMap(([row, , , tests]) =>
      found(tests, /\]\(\.\.\/([^)]+)\)/g).map((path) => `${row} ${path}`),
    );
    expect(unique(listed)).toEqual(unique(tested));
    const rows = Array.from({ length: 37 }, (_, index) => `F${String(index + 1).padStart(2, '0')}`);
    expect(unique(listed.map((each) => each.slice(0, 3)))).toEqual(expect.arrayContaining(rows));
  });
});
