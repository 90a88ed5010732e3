import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import ts from 'typescript';
import { newId } from '../common/ids.js';
import { readSettings } from '../config/settings.js';
import { TraceStore } from './trace-store.js';

const ROUNDS = 25;
const ARTIFACT_BYTES = 8_000_000;
const CREATED = new Date('2026-11-22T00:00:00.000Z');

/** The product's own code as JavaScript, so that a process of its own can run it and be killed. */
async function compile(folder: string): Promise<void> {
  for (const room of ['common', 'config', 'task-types', 'traces']) {
    await mkdir(join(folder, room), { recursive: true });
    for (const name of readdirSync(join('src', room)).filter(
      (each) => each.endsWith('.ts') && !each.endsWith('.spec.ts'),
    )) {
      const { outputText } = ts.transpileModule(readFileSync(join('src', room, name), 'utf8'), {
        compilerOptions: {
          module: ts.ModuleKind.ESNext,
          target: ts.ScriptTarget.ES2023,
          experimentalDecorators: true,
        },
      });
      await writeFile(join(folder, room, name.replace(/ts$/, 'js')), outputText);
    }
  }
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  await symlink(join(process.cwd(), 'node_modules'), join(folder, 'node_modules'));
}

/** Writes traces of about 10 MB one after the other, telling on stdout which run it begins and what it sealed. */
const WORKER = `
import 'reflect-metadata';
import { openSync } from 'node:fs';
import { readSettings } from './config/settings.js';
import { TraceStore } from './traces/trace-store.js';
const [root, taskId, artifact] = process.argv.slice(2);
const fd = openSync(artifact, 'r');
const store = new TraceStore(readSettings({ JCT_TRACE_ROOT: root }));
const big = { text: 'x'.repeat(1_000_000) };
for (let attempt = 1; ; attempt++) {
  process.stdout.write('open ' + attempt + '\\n');
  const trace = await store.open({ taskId, taskCreatedAt: new Date('${CREATED.toISOString()}'), attempt, runId: taskId, secrets: [], startedAt: new Date() });
  await trace.input(big);
  for (let index = 0; index < 8; index++) {
    await trace.output('stdout', Buffer.alloc(65_536, 'y\\n'));
    await trace.event('tick', { index });
  }
  await trace.artifact('folder/kept', { fd, size: ${ARTIFACT_BYTES} });
  const { sha256 } = await trace.seal({ output: big, manifest: { big } });
  process.stdout.write('sealed ' + attempt + ' ' + sha256 + '\\n');
}`;

describe('a worker that is killed while it writes', () => {
  let base: string;
  let root: string;
  let store: TraceStore;

  beforeAll(async () => {
    base = await mkdtemp(join(tmpdir(), 'jct-crash-'));
    root = join(base, 'traces');
    store = new TraceStore(readSettings({ JCT_TRACE_ROOT: root }));
    await compile(join(base, 'code'));
    await writeFile(join(base, 'code', 'worker.js'), WORKER);
    await writeFile(join(base, 'artifact'), Buffer.alloc(ARTIFACT_BYTES, 'a'));
  });
  afterAll(() => rm(base, { recursive: true, force: true }));

  /** Kills the worker at a random moment within its second run. Answers the hash of each manifest it sealed, by attempt. */
  async function killedWorker(taskId: string): Promise<Map<number, string>> {
    const argv = [join(base, 'code', 'worker.js'), root, taskId, join(base, 'artifact')];
    const worker: ChildProcess = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = new Promise((resolve) => worker.once('exit', resolve));
    let said = '';
    let begun = 0;
    for await (const chunk of worker.stdout!) {
      const before = said;
      said += String(chunk);
      const says = (words: string): boolean => said.includes(words) && !before.includes(words);
      if (says('open 1')) begun = performance.now();
      // As long as the first run took: whatever it was doing at any time, a kill may fall upon.
      if (says('open 2'))
        setTimeout(() => worker.kill('SIGKILL'), Math.random() * (performance.now() - begun));
    }
    await exited;
    expect(worker.signalCode).toBe('SIGKILL');
    return new Map(
      [...said.matchAll(/sealed (\d+) (\w+)/g)].map(([, attempt, sha256]) => [Number(attempt), sha256]),
    );
  }

  it(`leaves no partial file under a final name, and readers go on (${ROUNDS} rounds)`, async () => {
    let incomplete = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const taskId = newId();
      const sealed = await killedWorker(taskId);
      for (const name of await readdir(join(root, '2026-11-22', taskId))) {
        const attempt = Number(name.slice('run-'.length));
        const path = store.pathOf({ id: taskId, createdAt: CREATED }, attempt);
        for (const file of ['input.json', 'output.json', 'manifest.json']) {
          const full = join(root, path, file);
          if (existsSync(full)) JSON.parse(await readFile(full, 'utf8'));
        }
        const kept = join(root, path, 'artifacts/folder/kept');
        if (existsSync(kept)) expect((await stat(kept)).size).toBe(ARTIFACT_BYTES);
        const report = await store.verify(path, sealed.get(attempt) ?? null);
        expect(report.ok).toBe(report.complete);
        expect(report.problems.map(({ code }) => code)).toEqual(report.complete ? [] : ['incomplete']);
        if (sealed.has(attempt)) expect(report.complete).toBe(true);
        if (report.complete) continue;
        incomplete += 1;
        expect(await store.manifest(path)).toBeNull();
        const log = await store.readLog(path);
        if (log) expect(Buffer.byteLength(await text(log.stream))).toBe(log.sizeBytes);
        for (const { path: file } of (await store.files(path)) ?? []) {
          const content = await store.readFile(path, file);
          createHash('sha256').update(await text(content!.stream));
        }
      }
      await rm(join(root, '2026-11-22', taskId), { recursive: true });
    }
    // Else the kills came too late to prove anything.
    expect(incomplete).toBeGreaterThan(ROUNDS / 3);
  }, 120_000);
});
