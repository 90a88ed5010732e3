import { readdirSync, readFileSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from '@jest/globals';
import type { Answer, ApiClient } from './api-client.js';
import type { Fleet } from './fleet.js';

const ARTIFACT_BYTES = 4_000_000;
/** The last name that a file of a trace may have while it is only partly there begins so. */
const ASIDE = /\.tmp-[0-9a-f]+$/;
const SMALL = ['input.json', 'output.json', 'manifest.json'];

export interface TearOptions {
  rounds: number;
  logBytes: number;
  seed: number;
}

/**
 * Kills one worker after the other while it writes traces: most at a random byte of a log, some after its end, among
 * artifacts, output and manifest. Meanwhile a reader asks for everything, and at the end each run must be whole or say
 * that it is not.
 *
 * @returns how many runs were torn
 */
export async function tearTraces(
  fleet: Fleet,
  { rounds, logBytes, seed }: TearOptions,
): Promise<{ incomplete: number; complete: number }> {
  const random = randomFrom(seed);
  const { api } = await fleet.api();
  const task = {
    type: 'test',
    payload: {
      script: `head -c ${ARTIFACT_BYTES} /dev/zero > kept.bin; yes 'a line of the log' | head -c ${logBytes} || true`,
      artifacts: ['kept.bin'],
    },
  };
  const torn = { incomplete: 0, complete: 0 };
  const open = new Set<string>();
  const reader = new Reader(api, open);
  try {
    for (let round = 0; round < rounds; round += 1) {
      const worker = await fleet.worker();
      const id = await api.accepted(task);
      open.add(id);
      const log = await logOf(api, fleet, id);
      if (round % 3 === 2) {
        await until(() => statSync(log).size >= logBytes);
        await delay(random() * 150);
      } else {
        const target = logBytes * 0.9 * random();
        await until(() => statSync(log).size >= target);
      }
      await worker.kill();
      await checkEnded(api, fleet, open, torn);
    }
    const survivor = await fleet.worker();
    for (const id of open) await api.ended(id);
    await checkEnded(api, fleet, open, torn);
    expect(open.size).toBe(0);
    expect((await survivor.stop()).code).toBe(0);
  } finally {
    await reader.stop();
  }
  expect(reader.serverErrors).toEqual([]);
  return torn;
}

/** Asks for whatever shows runs, again and again, while their files come and go. */
class Reader {
  readonly serverErrors: string[] = [];
  private going = true;
  private readonly ended: Promise<void>;

  constructor(
    private readonly api: ApiClient,
    private readonly ids: ReadonlySet<string>,
  ) {
    this.ended = this.read();
  }

  async stop(): Promise<void> {
    this.going = false;
    await this.ended;
  }

  private async read(): Promise<void> {
    while (this.going) {
      const paths = [...this.ids].flatMap((id) =>
        [
          '',
          '/runs',
          '/trace',
          '/trace?run=1',
          '/trace/verify',
          '/logs?tail=5',
          '/trace/files/input.json',
        ].map((part) => `/tasks/${id}${part}`),
      );
      for (const path of ['/tasks', ...paths]) {
        const { status, body } = await this.api.get(path);
        if (status >= 500) this.serverErrors.push(`${path}: ${JSON.stringify(body)}`);
        await delay(5);
      }
    }
  }
}

/** Judges the tasks that have ended, counts their runs, and removes their files: a hundred rounds of 50 MB are much. */
async function checkEnded(
  api: ApiClient,
  fleet: Fleet,
  open: Set<string>,
  torn: { incomplete: number; complete: number },
): Promise<void> {
  for (const id of [...open]) {
    const task = await api.task(id);
    if (task.status === 'queued' || task.status === 'running') continue;
    // A task whose workers die three times is taken for their killer.
    if (task.status !== 'completed') expect(task.failure).toMatchObject({ reason: 'worker_lost' });
    const { items } = (await api.get(`/tasks/${id}/runs`)).body;
    expect(items).toHaveLength(task.attempt as number);
    for (const run of items) torn[await checkRun(api, fleet, id, run)] += 1;
    open.delete(id);
    await rm(join(fleet.folder, 'traces', task.trace_path as string, '..'), { recursive: true, force: true });
  }
}

async function checkRun(
  api: ApiClient,
  fleet: Fleet,
  id: string,
  run: Answer['body'],
): Promise<'incomplete' | 'complete'> {
  const { body: trace } = await api.get(`/tasks/${id}/trace?run=${run.number}`);
  const { body: verified } = await api.get(`/tasks/${id}/trace/verify?run=${run.number}`);
  checkNames(join(fleet.folder, 'traces', trace.trace_path as string));
  for (const { path, size_bytes: size } of trace.files) {
    const file = await api.get(`/tasks/${id}/trace/files/${path}?run=${run.number}`);
    expect({ path, status: file.status, size: file.headers.get('content-length') }).toEqual({
      ...{ path, status: 200, size: String(size) },
    });
  }
  const sealed = trace.manifest !== null;
  expect({ state: trace.state, ok: verified.ok, complete: verified.complete }).toEqual({
    ...{ state: sealed ? 'complete' : 'incomplete', ok: sealed, complete: sealed },
  });
  const codes = verified.problems.map(({ code }: Answer['body']) => code);
  expect(codes).toEqual(sealed ? [] : ['incomplete']);
  expect(run.trace_complete).toBe(run.status === 'completed');
  if (run.status === 'completed') expect(sealed).toBe(true);
  return sealed ? 'complete' : 'incomplete';
}

/** Nothing is only partly there but what grows (log.txt, events.jsonl) and what is named as being on its way. */
function checkNames(folder: string): void {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  for (const name of names.filter((each) => !ASIDE.test(each))) {
    if (SMALL.includes(name)) JSON.parse(readFileSync(join(folder, name), 'utf8'));
    else if (name === 'artifacts/kept.bin') expect(statSync(join(folder, name)).size).toBe(ARTIFACT_BYTES);
    else expect(['log.txt', 'events.jsonl', 'artifacts']).toContain(name);
  }
}

/** log.txt of the first run, once it is there. */
async function logOf(api: ApiClient, fleet: Fleet, id: string): Promise<string> {
  let log = '';
  await until(async () => {
    const { trace_path: path } = await api.task(id);
    log = join(fleet.folder, 'traces', String(path), 'log.txt');
    return statSync(log, { throwIfNoEntry: false }) !== undefined;
  });
  return log;
}

/** Asks as often as it can: the moment counts. The test's own time limit bounds it. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await delay(0);
}

/** The same numbers from the same seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
