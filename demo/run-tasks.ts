import { DemoError } from './demo-error.js';
import type { Expectations } from './expectations.js';
import { showProgress } from './progress.js';
import { FORBIDDEN_BY, FORBIDDEN_TASK } from './tasks.js';
import { mark, say, style } from './terminal.js';
import type { Answer, EnqueuedTask, Problem, Task, TowerClient } from './tower-client.js';

/** A finished task, under the name that the demo calls it. */
export interface FinishedTask {
  name: string;
  task: Task;
}

/** Hands the tasks in and shows their logs until all have ended. */
export async function runTasks(client: TowerClient, tasks: Record<string, object>): Promise<FinishedTask[]> {
  const ids: [name: string, id: string][] = [];
  for (const [name, task] of Object.entries(tasks)) {
    ids.push([name, enqueuedId(await client.enqueue(task, `demo-${name}`))]);
  }
  const progress = showProgress(ids.map(([name]) => name));
  try {
    return await Promise.all(
      ids.map(async ([name, id]) => {
        for await (const { event, data } of client.followLog(id)) {
          if (event === 'run') progress.state(name, 'running');
          else if (event === 'log') for (const line of data.split('\n')) progress.line(name, line);
          else if (event === 'end') progress.state(name, (JSON.parse(data) as { status: string }).status);
        }
        return { name, task: await client.task(id) };
      }),
    );
  } finally {
    progress.stop();
  }
}

/** The same request under the same key once more: no second task. */
export async function showReplay(
  client: TowerClient,
  expect: Expectations,
  task: object,
  { name, task: { task_id: id } }: FinishedTask,
): Promise<void> {
  const { status, headers, body } = await client.enqueue(task, `demo-${name}`);
  const same = 'task_id' in body && body.task_id === id && headers.get('Idempotency-Replayed') === 'true';
  const ok = expect.that(
    status === 200 && same,
    `Handing in ${name} again was answered with ${status}, not with the same task.`,
  );
  const answer = ok ? 'the same task, run once' : 'not the same task';
  say(`  ${mark(ok)} ${name} handed in again under its idempotency key: ${status}, ${answer}`);
}

/** A task that policy refuses: the answer names every rule that it breaks, not only the first. */
export async function showDenial(client: TowerClient, expect: Expectations): Promise<void> {
  const { status, body } = await client.enqueue(FORBIDDEN_TASK);
  const codes = ('violations' in body && body.violations?.map(({ code }) => code)) || [];
  const ok = expect.that(
    status === 403 && FORBIDDEN_BY.every((code) => codes.includes(code)),
    `The forbidden task was answered with ${status} ${codes.join(' ')}, not with 403 ${FORBIDDEN_BY.join(' ')}.`,
  );
  say(`  ${mark(ok)} deploy over plain http, with network, outside the sandbox: ${status}, policy denies`);
  say(`    ${style('dim', codes.join('  '))}`);
}

function enqueuedId({ status, body }: Answer<EnqueuedTask | Problem>): string {
  if ('task_id' in body) return body.task_id;
  throw new DemoError(`The tower refused a task of the demo with ${status} ${body.code}: ${body.detail}`);
}
