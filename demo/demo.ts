import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { VERSION } from '../src/common/version.js';
import { DemoError } from './demo-error.js';
import { makeExampleRepository } from './example-repository.js';
import { Expectations } from './expectations.js';
import { showResults, showTrace } from './results.js';
import { runTasks, showDenial, showReplay } from './run-tasks.js';
import { demoTasks } from './tasks.js';
import { heading, mark, say, seconds, style } from './terminal.js';
import { TowerClient } from './tower-client.js';
import { TowerProcess } from './tower-process.js';
import { showVerification } from './verification.js';

/** On two busy cores the whole takes 10 s; nothing here may hang. */
const DEMO_MS = 300_000;

/** Why the demo is to end early. */
class Interrupted extends Error {
  constructor(readonly signal: keyof typeof constants.signals) {
    super(signal);
  }
}

async function demo(folder: string, stop: AbortController, expect: Expectations): Promise<void> {
  heading('A repository and a tower');
  const repository = await makeExampleRepository(folder);
  say(
    `  ${mark(true)} ${repository.path}  ${style('dim', `examples/widgets at ${repository.commit.slice(0, 12)}`)}`,
  );
  const startedAt = performance.now();
  const tower = new TowerProcess(folder, (death) => stop.abort(death));
  try {
    const client = new TowerClient(await tower.ready(stop.signal), stop.signal);
    const started = seconds(performance.now() - startedAt);
    say(`  ${mark(true)} ${client.url}  ${style('dim', `on a new SQLite file, ready after ${started}`)}`);
    await tour(client, folder, repository.path, expect);
  } catch (error) {
    if (stop.signal.aborted || error instanceof DemoError) throw error;
    throw new DemoError(`${describe(error)} The tower: ${tower.lastWords()}`);
  } finally {
    if (stop.signal.aborted) say('\nStopping the tower');
    await tower.stop(stop.signal.aborted);
  }
}

async function tour(
  client: TowerClient,
  folder: string,
  repository: string,
  expect: Expectations,
): Promise<void> {
  heading('Three tasks over HTTP, their logs followed live');
  const tasks = demoTasks(repository);
  const finished = await runTasks(client, tasks);
  showResults(finished, expect);
  heading('What the tower does not do');
  const build = finished.find(({ name }) => name === 'build')!;
  await showReplay(client, expect, tasks.build, build);
  await showDenial(client, expect);
  heading('The trace of the build');
  showTrace(await client.trace(build.task.task_id), expect);
  heading('Verified: every byte of every trace read again');
  await showVerification(client, join(folder, 'traces'), finished, expect);
}

function showWhatNext(folder: string, keep: boolean): void {
  heading('All as expected. What next?');
  const task = '{"type":"test","payload":{"script":"echo hello"}}';
  const rows = [
    ['npm start', 'a tower that stays; it says where its API, docs, database and traces are'],
    [
      `curl -s localhost:8000/tasks/enqueue -H 'Content-Type: application/json' -H 'Prefer: wait=30' -d '${task}'`,
      'a task of your own',
    ],
    keep
      ? [`find ${folder}/traces`, 'the traces of this demo']
      : ['npm run demo -- --keep', 'the demo, leaving its folder to look at'],
  ];
  for (const [command, purpose] of rows) say(`  ${style('cyan', command)}\n      ${style('dim', purpose)}`);
}

function showWhatWentWrong(broken: readonly string[]): void {
  heading('Not as expected');
  for (const line of broken) say(`  ${mark(false)} ${line.replaceAll('\n', '\n    ')}`);
}

/** @returns the exit code */
async function main(keep: boolean): Promise<number> {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => stop.abort(new Interrupted(signal)));
  }
  // `npm run demo | head`: without a reader there is nobody to show anything to, but a tower to stop.
  process.stdout.on('error', () => stop.abort(new Interrupted('SIGPIPE')));
  setTimeout(
    () => stop.abort(new DemoError(`The demo took longer than ${seconds(DEMO_MS)}.`)),
    DEMO_MS,
  ).unref();

  say(style('bold', `DevOps Control Tower ${VERSION}`));
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'jct-demo-')));
  const expect = new Expectations();
  try {
    await demo(folder, stop, expect);
    if (expect.broken.length === 0) showWhatNext(folder, keep);
    else showWhatWentWrong(expect.broken);
    return expect.broken.length === 0 ? 0 : 1;
  } catch (error) {
    const reason: unknown = stop.signal.aborted ? stop.signal.reason : error;
    if (reason instanceof Interrupted) {
      say(`\nInterrupted by ${reason.signal}`);
      return 128 + constants.signals[reason.signal];
    }
    showWhatWentWrong([...expect.broken, describe(reason)]);
    return 1;
  } finally {
    if (keep) say(`\nKept: ${folder}`);
    else await rm(folder, { recursive: true, force: true });
  }
}

/** A DemoError says all there is to say; anything else is a bug or the network, whose cause `fetch` hides one level down. */
function describe(error: unknown): string {
  if (error instanceof DemoError) return error.message;
  const { stack, cause } = error as Error;
  return cause instanceof Error ? `${String(stack)}\n${cause.message}` : String(stack ?? error);
}

function wantsToKeep(): boolean {
  try {
    return parseArgs({ options: { keep: { type: 'boolean', default: false } } }).values.keep;
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\nThe demo knows one option: npm run demo -- --keep\n`);
    process.exit(2);
  }
}

process.exitCode = await main(wantsToKeep());
