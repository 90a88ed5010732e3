import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { type ChainEnd, chainFaults } from './event-chain.js';
import { EVENTS_FILE } from './event-log.js';
import type { FileRecord } from './hashed-file.js';
import { entriesBelow, openInside, section } from './safe-file.js';
import { MANIFEST_FILE } from './trace-writer.js';

/** manifest.json as the tower writes it; `files` lists every other file of the folder. */
export interface Manifest {
  version: number;
  task_id: string;
  run_id: string;
  attempt: number;
  events: ChainEnd;
  files: FileRecord[];
  [key: string]: unknown;
}

export interface TraceProblem {
  /** Relative to the run's folder. */
  file: string;
  code: 'missing' | 'changed' | 'unexpected' | 'chain_broken' | 'manifest_changed' | 'incomplete';
  message: string;
  /** Of events.jsonl, from 1. */
  line?: number;
}

export interface TraceVerification {
  /** The folder is complete and is what was sealed. */
  ok: boolean;
  /** A manifest exists. */
  complete: boolean;
  /** Files whose hash was computed. */
  checked: number;
  /** At most PROBLEMS_MAX. */
  problems: TraceProblem[];
}

export const PROBLEMS_MAX = 100;

/** ARTIFACTS_MAX names of the greatest length stay well below this; what is longer was not written by the tower. */
const MANIFEST_BYTES_MAX = 33_554_432;

/**
 * Reads every byte of a run's folder again and compares it with what was sealed.
 *
 * @param folder real path; undefined when there is none
 * @param expectedSha256 of manifest.json, from the run's row; null when the run was not settled by its worker
 */
export async function verifyFolder(
  folder: string | undefined,
  expectedSha256: string | null,
): Promise<TraceVerification> {
  const problems: TraceProblem[] = [];
  const bytes = folder === undefined ? undefined : await readManifest(folder);
  const manifest = bytes && parseManifest(bytes);
  let checked = 0;
  if (!bytes) problems.push(noManifest(expectedSha256));
  else if (expectedSha256 !== null || !manifest) {
    checked += 1;
    if (!manifest || sha256(bytes) !== expectedSha256) {
      problems.push({
        file: MANIFEST_FILE,
        code: 'manifest_changed',
        message: 'This is not the manifest that was sealed.',
      });
    }
  }
  for (const record of manifest?.files ?? []) {
    const problem = await checkFile(folder!, record);
    if (problem) problems.push(problem);
    if (problem?.code !== 'missing') checked += 1;
  }
  for await (const problem of folder === undefined ? [] : structureProblems(folder, manifest)) {
    if (problems.length >= PROBLEMS_MAX) break;
    problems.push(problem);
  }
  const isComplete = bytes !== undefined;
  return {
    ok: isComplete && problems.length === 0,
    complete: isComplete,
    checked,
    problems: problems.slice(0, PROBLEMS_MAX),
  };
}

/** The bytes of manifest.json; undefined when there is none. */
export async function readManifest(folder: string): Promise<Buffer | undefined> {
  const file = await openInside(folder, MANIFEST_FILE);
  if (!file) return undefined;
  const parts: Buffer[] = [];
  const end = Math.min(file.sizeBytes, MANIFEST_BYTES_MAX);
  for await (const part of (await section(file, 0, end)) as AsyncIterable<Buffer>) parts.push(part);
  return Buffer.concat(parts);
}

/** Undefined when the bytes are not a manifest. */
export function parseManifest(bytes: Buffer): Manifest | undefined {
  try {
    const value = JSON.parse(bytes.toString()) as Partial<Manifest> | null;
    return Array.isArray(value?.files) && value.files.every(isFileRecord) ? (value as Manifest) : undefined;
  } catch {
    return undefined;
  }
}

function isFileRecord(value: Partial<FileRecord> | null): value is FileRecord {
  return (
    typeof value?.path === 'string' &&
    typeof value.size_bytes === 'number' &&
    typeof value.sha256 === 'string'
  );
}

function noManifest(expectedSha256: string | null): TraceProblem {
  return expectedSha256 === null
    ? {
        file: MANIFEST_FILE,
        code: 'incomplete',
        message: 'The worker of this run died before the trace was complete.',
      }
    : { file: MANIFEST_FILE, code: 'missing', message: 'The trace was sealed, but its manifest is gone.' };
}

async function checkFile(folder: string, record: FileRecord): Promise<TraceProblem | undefined> {
  const { path: file, size_bytes: size } = record;
  const opened = await openInside(folder, file);
  if (!opened)
    return { file, code: 'missing', message: `${file} is listed in the manifest, but is not there.` };
  if (opened.sizeBytes !== size) {
    await opened.handle.close();
    return { file, code: 'changed', message: `${file} has ${opened.sizeBytes} bytes; ${size} were sealed.` };
  }
  if ((await hashOf(await section(opened))) === record.sha256) return undefined;
  return { file, code: 'changed', message: `The content of ${file} is not what was sealed.` };
}

/** What no single hash shows: files that nobody listed, and the lines of the event chain. */
async function* structureProblems(
  folder: string,
  manifest: Manifest | undefined,
): AsyncGenerator<TraceProblem> {
  const events = await openInside(folder, EVENTS_FILE);
  if (events) {
    for await (const { line, message } of chainFaults(await section(events), manifest?.events)) {
      yield { file: EVENTS_FILE, code: 'chain_broken', message, line };
    }
  }
  if (!manifest) return;
  const listed = new Set([MANIFEST_FILE, ...manifest.files.map(({ path }) => path)]);
  for await (const { path } of entriesBelow(folder)) {
    if (!listed.has(path))
      yield { file: path, code: 'unexpected', message: `${path} is not listed in the manifest.` };
  }
}

async function hashOf(stream: Readable): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of stream as AsyncIterable<Buffer>) hash.update(chunk);
  return hash.digest('hex');
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
