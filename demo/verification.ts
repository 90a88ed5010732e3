import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Expectations } from './expectations.js';
import type { FinishedTask } from './run-tasks.js';
import { mark, say, style, table } from './terminal.js';
import type { TowerClient } from './tower-client.js';

/** Has the tower read every file of every run again, and proves that it would notice a change of one byte. */
export async function showVerification(
  client: TowerClient,
  traceRoot: string,
  finished: readonly FinishedTask[],
  expect: Expectations,
): Promise<void> {
  const rows: string[][] = [];
  for (const { name, task } of finished) {
    const { ok, checked, problems } = await client.verify(task.task_id);
    expect.that(
      ok,
      `The trace of ${name} is not what was sealed: ${problems.map((p) => p.message).join(' ')}`,
    );
    rows.push([`${mark(ok)} ${style('bold', name)}`, `${checked} files, each as it was sealed`]);
  }
  table(rows);
  await showTampering(client, traceRoot, finished[0], expect);
}

async function showTampering(
  client: TowerClient,
  traceRoot: string,
  { name, task }: FinishedTask,
  expect: Expectations,
): Promise<void> {
  const file = join(traceRoot, task.trace_path!, 'log.txt');
  await flipFirstByte(file);
  const { ok, problems } = await client.verify(task.task_id);
  await flipFirstByte(file);
  const found = problems.map((problem) => `${problem.file} ${problem.code}`).join(', ');
  const noticed = expect.that(
    !ok && found === 'log.txt changed',
    `A changed byte in log.txt was found as: ${found}.`,
  );
  say(`  ${mark(noticed)} one byte of the log of ${name} changed on disk: found (${found}), and put back`);
}

async function flipFirstByte(path: string): Promise<void> {
  const file = await open(path, 'r+');
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, 0);
  await file.write(Buffer.from([byte[0] ^ 0xff]), 0, 1, 0);
  await file.close();
}
