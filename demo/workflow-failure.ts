import type { Expectations } from './expectations.js';
import { heading, mark, say, style } from './terminal.js';
import type { TowerClient, WorkflowRun } from './tower-client.js';

const TAIL_LINES = 14;

/** Why a run has failed: its first failed step, what the task of it said last, and what nobody had to undo. @returns that task */
export async function showFailure(
  client: TowerClient,
  run: WorkflowRun,
  expect: Expectations,
): Promise<string | undefined> {
  heading('Why it stopped');
  const step = run.steps.find(({ status }) => status === 'failed');
  if (!expect.that(step?.task_id != null, 'No step with a task has failed.')) return undefined;
  const taskId = step!.task_id!;
  for (const line of await client.logTail(taskId, TAIL_LINES)) say(`  ${style('dim', line)}`);
  say(
    `  ${mark(false)} ${style('bold', step!.name)}  ${step!.error ?? ''}  ${style('dim', `task ${taskId}`)}`,
  );
  const deployed = run.steps.filter(({ name, status }) => name.startsWith('deploy') && status !== 'skipped');
  const untouched = expect.that(deployed.length === 0, 'Something was deployed nevertheless.');
  say(`  ${mark(untouched)} nothing was deployed`);
  return taskId;
}
