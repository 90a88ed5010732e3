import type { Expectations } from './expectations.js';
import type { FinishedTask } from './run-tasks.js';
import { bytes, heading, mark, say, seconds, style, table } from './terminal.js';
import type { CommandResult, Trace } from './tower-client.js';

/** One line a task: how it ended, how long it took, and what it found. */
export function showResults(finished: readonly FinishedTask[], expect: Expectations): void {
  heading('Results');
  const rows = finished.map(({ name, task: { status, failure, result } }) => {
    const ok = expect.that(
      status === 'completed',
      `${name} is ${status}: ${failure?.message ?? 'no reason given'}`,
    );
    const found = failure === null && result !== null ? describe(result) : [failure?.message ?? ''];
    const time = result === null ? '' : seconds(result.duration_ms);
    return [`${mark(ok)} ${style('bold', name)}`, status, time, found.join(', ')];
  });
  table(rows);
  expectFindings(finished, expect);
  for (const { path, size_bytes, sha256 } of finished.flatMap(({ task }) => task.result?.artifacts ?? [])) {
    say(`\n  ${path}  ${bytes(size_bytes)}\n  ${style('dim', `SHA-256 ${sha256}`)}`);
  }
}

function describe({ reports: { junit, sarif }, artifacts }: CommandResult): string[] {
  const found: string[] = [];
  if (junit) {
    const failed = junit.failures + junit.errors;
    found.push(`${junit.tests - failed - junit.skipped} of ${junit.tests} tests passed`);
  }
  if (sarif) {
    found.push(`${count(sarif.error, 'error')}`, count(sarif.warning, 'warning'));
    const [first] = sarif.findings;
    if (first) found.push(`${first.file}:${first.line}`);
  }
  if (artifacts.length > 0) found.push(`${count(artifacts.length, 'artifact')} kept`);
  return found;
}

function expectFindings(finished: readonly FinishedTask[], expect: Expectations): void {
  const [test, build, scan] = ['test', 'build', 'scan'].map(
    (name) => finished.find((each) => each.name === name)?.task.result,
  );
  const junit = test?.reports.junit;
  expect.that((junit?.tests ?? 0) > 0, 'The tests left no JUnit report that could be read.');
  expect.that((build?.artifacts.length ?? 0) > 0, 'The build left no artifact.');
  expect.that(scan?.reports.sarif?.warning === 1, 'The scan did not find the one thing that is left to do.');
}

/** What each file of a trace is for; docs/trace-format.md has the whole story. */
const PURPOSES: Readonly<Record<string, string>> = {
  'input.json': 'the task as it was claimed, with the verdict of policy',
  'log.txt': 'what a person reads',
  'events.jsonl': 'what a program reads; each line carries the hash of the line before',
  'output.json': 'what came of it',
  'manifest.json': 'written last: SHA-256 of every other file, the commit, the sandbox',
};

/** The folder of one run, as a tree. */
export function showTrace({ trace_path: path, files, manifest }: Trace, expect: Expectations): void {
  expect.that(manifest !== null, `The trace ${path} is not complete.`);
  say(`  traces/${path}/`);
  const rows = files.map(({ path: file, size_bytes }, index) => {
    const branch = style('dim', index === files.length - 1 ? '└──' : '├──');
    return [
      `${branch} ${file}`,
      bytes(size_bytes).padStart(9),
      style('dim', PURPOSES[file] ?? 'kept, as it was built'),
    ];
  });
  table(rows);
  const { isolation, network } = (manifest?.['sandbox'] ?? {}) as { isolation?: string; network?: boolean };
  const confined =
    isolation === 'bubblewrap' ? `bubblewrap, ${network ? 'with' : 'no'} network` : NOT_CONFINED;
  say(`  Sandbox that was really in force: ${confined}`);
}

const NOT_CONFINED = style(
  'yellow',
  'none, plain processes. Install bubblewrap (Linux) for isolation without network.',
);

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}
