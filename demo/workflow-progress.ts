import { setTimeout as sleep } from 'node:timers/promises';
import { DemoError } from './demo-error.js';
import { showProgress } from './progress.js';
import type { TowerClient, WorkflowRun } from './tower-client.js';

const LOOK_MS = 100;
const WAIT_MS = 30_000;

/** The run that an event has started, as soon as there is one. */
export async function runOf(client: TowerClient, workflow: string, eventId: string): Promise<string> {
  for (const began = performance.now(); performance.now() - began < WAIT_MS;) {
    for (const { run_id } of await client.workflowRuns(workflow)) {
      if ((await client.workflowRun(run_id)).event['id'] === eventId) return run_id;
    }
    await sleep(LOOK_MS);
  }
  throw new DemoError(`Event ${eventId} has started no run of ${workflow} within ${WAIT_MS / 1_000} s.`);
}

/** Shows the states of all steps, and what their tasks say, until the run has ended. */
export async function followRun(client: TowerClient, id: string): Promise<WorkflowRun> {
  let run = await client.workflowRun(id);
  const progress = showProgress(run.steps.map(({ name }) => name));
  const shown = new Map<string, string>();
  const logs = new Map<string, Promise<void>>();
  const show = (): void => {
    for (const { name, status, task_id } of run.steps) {
      if (shown.get(name) !== status) progress.state(name, status);
      shown.set(name, status);
      if (task_id !== null && !logs.has(name)) {
        const following = followTask(client, task_id, (line) => progress.line(name, line));
        // Awaited when the run has ended; until then, one that breaks off must not end the demo.
        following.catch(() => undefined);
        logs.set(name, following);
      }
    }
  };
  try {
    for (show(); !['completed', 'failed', 'cancelled'].includes(run.status); show()) {
      await sleep(LOOK_MS);
      run = await client.workflowRun(id);
    }
    await Promise.all(logs.values());
    return run;
  } finally {
    progress.stop();
  }
}

async function followTask(client: TowerClient, id: string, say: (line: string) => void): Promise<void> {
  for await (const { event, data } of client.followLog(id)) {
    if (event === 'log') for (const line of data.split('\n')) say(line);
  }
}
