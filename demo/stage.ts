import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { VERSION } from '../src/common/version.js';
import { DemoError } from './demo-error.js';
import { type ExampleRepository, makeExampleRepository } from './example-repository.js';
import { Expectations } from './expectations.js';
import { heading, mark, say, seconds, style } from './terminal.js';
import { TowerClient } from './tower-client.js';
import { TowerProcess } from './tower-process.js';

/** On two busy cores a demo takes half a minute; nothing here may hang. */
const DEMO_MS = 300_000;

/** Why the demo is to end early. */
class Interrupted extends Error {
  constructor(readonly signal: keyof typeof constants.signals) {
    super(signal);
  }
}

/** What a demo is given: everything real, and gone afterwards. */
export interface Stage {
  client: TowerClient;
  /** Everything of the demo lies below it. */
  folder: string;
  repository: ExampleRepository;
  expect: Expectations;
}

export interface Demo {
  /** The npm script that starts it. */
  script: string;
  /** Settings of the tower, beside those that every demo has. */
  environment?: Record<string, string>;
  show(stage: Stage): Promise<void>;
  /** Said when all was as expected. */
  whatNext(folder: string, keep: boolean): [command: string, purpose: string][];
}

/** Runs a demo on a temporary tower and ends the process with 0 when everything was as expected. */
export async function runDemo(demo: Demo): Promise<void> {
  process.exitCode = await main(demo, wantsToKeep(demo.script));
}

async function onStage(
  demo: Demo,
  folder: string,
  stop: AbortController,
  expect: Expectations,
): Promise<void> {
  heading('A repository and a tower');
  const repository = await makeExampleRepository(folder);
  say(
    `  ${mark(true)} ${repository.path}  ${style('dim', `examples/widgets at ${repository.commit.slice(0, 12)}`)}`,
  );
  const startedAt = performance.now();
  const tower = new TowerProcess(folder, (death) => stop.abort(death), demo.environment);
  try {
    const client = new TowerClient(await tower.ready(stop.signal), stop.signal);
    const started = seconds(performance.now() - startedAt);
    say(`  ${mark(true)} ${client.url}  ${style('dim', `on a new SQLite file, ready after ${started}`)}`);
    await demo.show({ client, folder, repository, expect });
  } catch (error) {
    if (stop.signal.aborted || error instanceof DemoError) throw error;
    throw new DemoError(`${describe(error)} The tower: ${tower.lastWords()}`);
  } finally {
    if (stop.signal.aborted) say('\nStopping the tower');
    await tower.stop(stop.signal.aborted);
  }
}

function showWhatNext(demo: Demo, folder: string, keep: boolean): void {
  heading('All as expected. What next?');
  for (const [command, purpose] of demo.whatNext(folder, keep)) {
    say(`  ${style('cyan', command)}\n      ${style('dim', purpose)}`);
  }
}

function showWhatWentWrong(broken: readonly string[]): void {
  heading('Not as expected');
  for (const line of broken) say(`  ${mark(false)} ${line.replaceAll('\n', '\n    ')}`);
}

/** @returns the exit code */
async function main(demo: Demo, keep: boolean): Promise<number> {
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
    await onStage(demo, folder, stop, expect);
    if (expect.broken.length === 0) showWhatNext(demo, folder, keep);
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

function wantsToKeep(script: string): boolean {
  try {
    return parseArgs({ options: { keep: { type: 'boolean', default: false } } }).values.keep;
  } catch (error) {
    process.stderr.write(
      `${(error as Error).message}\nThe demo knows one option: npm run ${script} -- --keep\n`,
    );
    process.exit(2);
  }
}
