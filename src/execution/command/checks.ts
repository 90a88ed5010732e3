import { realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { checkPath } from '../../common/repository.js';
import { clip } from '../clip.js';
import { changedFiles } from '../workspace/changed-files.js';
import { readInside } from '../workspace/workspace-file.js';
import type { Workspace } from '../workspace/workspaces.js';
import type { CheckPayload, JsonEqualsPayload } from './check.payload.js';
import { RESERVED_FOLDERS } from './reserved-folders.js';

export interface CheckResult {
  /** What was checked, e.g. `file_exists dist/app.js`. */
  check: string;
  ok: boolean;
  message: string;
}

export interface CheckedRun {
  workspace: Workspace;
  exitCode: number | null;
}

type Verdict = Omit<CheckResult, 'check'>;

const JSON_BYTES_MAX = 16 * 1_048_576;
/** git compares every file with the commit; what takes longer is not going to end. */
const COMPARE_TIMEOUT_MS = 120_000;

/** Evaluates every check, in order. What cannot be found out has failed. */
export async function runChecks(checks: readonly CheckPayload[], run: CheckedRun): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  for (const check of checks) {
    const { ok, message } = await evaluate(check, run);
    results.push({ check: clip(nameOf(check), 120), ok, message: clip(message, 200) });
  }
  return results;
}

function nameOf({ exit_code, file_exists, json_equals, changed_only_under }: CheckPayload): string {
  if (exit_code !== undefined) return `exit_code ${exit_code}`;
  if (file_exists !== undefined) return `file_exists ${file_exists}`;
  return json_equals !== undefined
    ? `json_equals ${json_equals.file} ${json_equals.pointer}`
    : `changed_only_under ${changed_only_under}`;
}

async function evaluate(check: CheckPayload, { workspace, exitCode }: CheckedRun): Promise<Verdict> {
  const { exit_code, file_exists, json_equals, changed_only_under } = check;
  if (exit_code !== undefined) return exited(exit_code, exitCode);
  if (file_exists !== undefined) return fileExists(workspace.dir, file_exists);
  if (json_equals !== undefined) return jsonEquals(workspace.dir, json_equals);
  if (changed_only_under !== undefined) return changedOnlyUnder(workspace, changed_only_under);
  return { ok: false, message: 'The check says nothing.' };
}

function exited(expected: number, exitCode: number | null): Verdict {
  const message =
    exitCode === null ? 'The command was ended by a signal.' : `The command ended with ${exitCode}.`;
  return { ok: exitCode === expected, message };
}

/** Links are followed as long as they stay inside. */
async function fileExists(dir: string, path: string): Promise<Verdict> {
  const real = await realpath(join(dir, path)).catch(() => null);
  if (real === null) return { ok: false, message: `${path} does not exist.` };
  if (!real.startsWith(dir + sep)) return { ok: false, message: `${path} lies outside the workspace.` };
  const isFile = (await stat(real).catch(() => null))?.isFile() === true;
  return { ok: isFile, message: isFile ? `${path} exists.` : `${path} is not a file.` };
}

async function jsonEquals(dir: string, { file, pointer, value }: JsonEqualsPayload): Promise<Verdict> {
  const read = await readInside(dir, file, JSON_BYTES_MAX);
  if (!read.ok) return { ok: false, message: `${file} ${read.reason}.` };
  let document: unknown;
  try {
    document = JSON.parse(read.text);
  } catch {
    return { ok: false, message: `${file} is not JSON.` };
  }
  const place = pointer === '' ? 'as a whole' : `at ${pointer}`;
  const found = resolvePointer(document, pointer);
  if (found === undefined) return { ok: false, message: `${file} has nothing ${place}.` };
  return equal(found, value)
    ? { ok: true, message: `${file} has the value ${place}.` }
    : { ok: false, message: `${file} has another value ${place}: ${shown(found)}` };
}

/** RFC 6901. undefined when there is nothing; inherited properties are nothing. */
function resolvePointer(document: unknown, pointer: string): unknown {
  let value = document;
  for (const token of pointer.split('/').slice(1)) {
    const key = token.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    if (Array.isArray(value) && !/^(0|[1-9]\d*)$/.test(key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}

/** A file may be nested deeper than the stack: JSON.parse reads that, comparing throws RangeError. */
function equal(found: unknown, expected: unknown): boolean {
  try {
    return isDeepStrictEqual(found, expected);
  } catch {
    return false;
  }
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' && value !== null ? 'an object' : JSON.stringify(value);
}

async function changedOnlyUnder(workspace: Workspace, path: string): Promise<Verdict> {
  const allowed = checkPath(path);
  if (!allowed.ok) return { ok: false, message: allowed.message };
  const changed = await changedFiles(workspace, AbortSignal.timeout(COMPARE_TIMEOUT_MS));
  if (!changed.ok) return { ok: false, message: `The check ${changed.reason}.` };
  const folders = [allowed.path, ...RESERVED_FOLDERS];
  const outside = changed.paths.filter((file) => !folders.some((folder) => isUnder(file, folder)));
  return outside.length === 0
    ? { ok: true, message: 'Nothing else was changed.' }
    : { ok: false, message: `${outside.length} other files were changed: ${outside.slice(0, 5).join(', ')}` };
}

function isUnder(file: string, folder: string): boolean {
  return folder === '.' || file === folder || file.startsWith(`${folder}/`);
}
