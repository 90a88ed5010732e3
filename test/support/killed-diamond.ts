import { setTimeout as delay } from 'node:timers/promises';
import { expect } from '@jest/globals';
import type { JsonObject } from '../../src/common/json.js';
import type { Answer, ApiClient } from './api-client.js';
import { Fleet } from './fleet.js';
import { runEnded } from './workflow-runs.js';

const work = (name: string): JsonObject => ({
  type: 'test',
  payload: { script: `echo ${name}; sleep 0.1` },
});
const step = (name: string, needs: string[], more: JsonObject = {}): JsonObject => ({
  name,
  needs,
  task: work(name),
  ...more,
});

/** Ten steps, twelve tasks: it opens to three branches, one of them over a list, and closes again. */
const DIAMOND: JsonObject = {
  name: 'diamond',
  steps: [
    step('begin', []),
    step('left', ['begin']),
    step('middle', ['begin']),
    step('right', ['begin']),
    step('parts', ['left'], { for_each: '["a", "b", "c"]', task: work('part') }),
    step('middle_two', ['middle']),
    step('right_two', ['right']),
    step('join_left', ['parts', 'middle_two']),
    step('join_right', ['right_two']),
    step('end', ['join_left', 'join_right']),
  ],
};
const TASKS = 12;

/** What a killed worker held is noticed within about 4 s. */
const QUICK = {
  JCT_LEASE_SECONDS: '3',
  JCT_HEARTBEAT_SECONDS: '1',
  JCT_REAP_INTERVAL_SECONDS: '1',
  JCT_POLL_INTERVAL_MS: '200',
  JCT_SANDBOX: 'process',
};

/**
 * Runs the diamond again and again, each time with one or two kill -9 of the worker at random moments, and checks that
 * it completes, and that there is one task for each step and item, which has completed once.
 */
export async function killedDiamond(databaseUrl: string, rounds: number): Promise<void> {
  const fleet = await Fleet.open(databaseUrl, QUICK);
  try {
    const { api } = await fleet.api();
    let worker = await fleet.worker();
    expect((await api.post('/workflows', DIAMOND)).status).toBe(201);
    for (let round = 0; round < rounds; round += 1) {
      const { body } = await api.post('/workflows/diamond/runs', {});
      const moments = Array.from({ length: 1 + (round % 2) }, () => Math.round(Math.random() * 1_500));
      for (const moment of moments) {
        await delay(moment);
        await worker.kill();
        worker = await fleet.worker();
      }
      const run = await runEnded(api, body.run_id as string);
      process.stdout.write(`round ${round}: killed after ${moments.join(' and ')} ms, ${run.status}\n`);
      await expectEachOnce(api, run);
    }
  } finally {
    await fleet.close();
  }
}

/** Freezes the worker in the middle of a run for longer than every lease, and lets it go on when another one has finished. */
export async function frozenDiamond(databaseUrl: string): Promise<void> {
  const fleet = await Fleet.open(databaseUrl, QUICK);
  try {
    const { api } = await fleet.api();
    const frozen = await fleet.worker();
    expect((await api.post('/workflows', DIAMOND)).status).toBe(201);
    const { body } = await api.post('/workflows/diamond/runs', {});
    await delay(Math.round(Math.random() * 800));
    frozen.signal('SIGSTOP');
    const other = await fleet.worker();
    await runEnded(api, body.run_id as string);
    frozen.signal('SIGCONT');
    // When it has ended in order, it has said everything that it still wanted to say.
    expect((await frozen.stop()).code).toBe(0);
    await expectEachOnce(api, (await api.get(`/workflow-runs/${body.run_id}`)).body);
    expect((await other.stop()).code).toBe(0);
  } finally {
    await fleet.close();
  }
}

async function expectEachOnce(api: ApiClient, run: Answer['body']): Promise<void> {
  expect(run).toMatchObject({ status: 'completed', error: null });
  const steps = run.steps as {
    status: string;
    attempt: number;
    task_id: string | null;
    items: JsonObject[] | null;
  }[];
  expect(steps.map(({ status, attempt }) => `${status} ${attempt}`)).toEqual(Array(10).fill('completed 1'));
  const ids = steps.flatMap(
    ({ task_id, items }) => items?.map((item) => item['task_id'] as string) ?? [task_id],
  );
  const all = (await api.get('/tasks?source=workflow:diamond&limit=200')).body.items as JsonObject[];
  const own = all.filter(({ metadata }) => (metadata as JsonObject)['workflow_run']['run_id'] === run.run_id);
  expect(own.map(({ task_id }) => task_id as string).sort()).toEqual([...ids].sort());
  expect(own).toHaveLength(TASKS);
  for (const { task_id, status } of own) {
    expect(status).toBe('completed');
    const runs = (await api.get(`/tasks/${task_id}/runs`)).body.items as JsonObject[];
    expect(runs.filter((each) => each['status'] === 'completed')).toHaveLength(1);
  }
}
