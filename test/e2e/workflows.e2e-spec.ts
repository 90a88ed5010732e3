import { writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { JsonObject } from '../../src/common/json.js';
import { HandOver } from '../../src/workflows/runs/hand-over.js';
import { WorkflowRunEntity } from '../../src/workflows/runs/workflow-run.entity.js';
import { WorkflowStepEntity } from '../../src/workflows/runs/workflow-step.entity.js';
import type { Answer } from '../support/api-client.js';
import { onBothDatabases, type TestDatabase } from '../support/databases.js';
import { Tower } from '../support/tower.js';
import { towerDataSource } from '../support/tower-data-source.js';
import { runEnded, runUntil } from '../support/workflow-runs.js';

const script = (text: string, more: JsonObject = {}): JsonObject => ({
  type: 'test',
  payload: { script: text },
  ...more,
});

onBothDatabases('workflows', (create) => {
  let database: TestDatabase;
  let tower: Tower;

  beforeAll(async () => {
    database = await create();
    tower = await Tower.start(database.url, { JCT_SANDBOX: 'process' });
  });
  afterAll(async () => {
    await tower?.stop();
    await database?.drop();
  });

  async function saved(definition: JsonObject): Promise<Answer> {
    const answer = await tower.api.post('/workflows', definition);
    if (answer.status !== 201) throw new Error(JSON.stringify(answer.body));
    return answer;
  }

  /** Starts a run and waits for its end. */
  async function run(name: string, inputs: JsonObject = {}): Promise<Answer['body']> {
    const { status, body } = await tower.api.post(`/workflows/${name}/runs`, { inputs });
    if (status !== 201) throw new Error(JSON.stringify(body));
    return runEnded(tower.api, body.run_id as string);
  }

  const statuses = (body: Answer['body']): Record<string, string> =>
    Object.fromEntries((body.steps as JsonObject[]).map(({ name, status }) => [name, status]));

  it('hands results from step to step, fans out over a list and joins again', async () => {
    await saved({
      name: 'diamond',
      inputs: { parts: { type: 'array', default: ['a', "b'; exit 9; '", 'c'] } },
      steps: [
        { name: 'first', task: script('echo one') },
        {
          name: 'each',
          needs: ['first'],
          for_each: 'inputs.parts',
          max_parallel: 2,
          task: script('echo part ${{ shell(item) }} of run ${{ shell(run.id) }}', {
            tags: ['part-${{ item_index }}'],
          }),
        },
        {
          name: 'last',
          needs: ['each'],
          task: script('test "$DONE" = 3', {
            payload: {
              script: 'test "$DONE" = 3',
              env: { DONE: '${{ string(size(steps.each.result.items)) }}' },
            },
          }),
        },
      ],
    });
    const ended = await run('diamond');
    expect(ended).toMatchObject({ status: 'completed', error: null, version: 1, trigger: 'manual' });
    expect(statuses(ended)).toEqual({ first: 'completed', each: 'completed', last: 'completed' });
    const [first, each, last] = ended.steps;
    expect(each.items.map(({ status }: JsonObject) => status)).toEqual([
      'completed',
      'completed',
      'completed',
    ]);
    expect(last.needs).toEqual(['each']);
    expect(Date.parse(each.started_at)).toBeGreaterThanOrEqual(Date.parse(first.finished_at));
    expect(ended.mermaid).toContain('s_first --> s_each');
    const task = await tower.api.task(each.items[1].task_id);
    expect(task).toMatchObject({
      status: 'completed',
      requested_by: 'workflow:diamond',
      source: 'workflow:diamond',
      tags: ['part-1'],
      idempotency_key: `workflow-run:${ended.run_id}:each:1:1`,
      metadata: { workflow_run: { run_id: ended.run_id, workflow: 'diamond', step: 'each', item: 1 } },
    });
    expect((await tower.api.get('/workflows/diamond')).body).toMatchObject({
      status: 'completed',
      execution_count: 1,
      last_result: { run_id: ended.run_id, status: 'completed' },
    });
  });

  it('stops at a failure, skips what would follow, and runs what is for it', async () => {
    await saved({
      name: 'fragile',
      steps: [
        { name: 'breaks', task: script('exit 3'), on_failure: { run: ['tell'] } },
        { name: 'after', needs: ['breaks'], task: script('true') },
        { name: 'tell', task: script('echo ${{ shell(steps.breaks.error) }}') },
      ],
    });
    const ended = await run('fragile');
    expect(ended).toMatchObject({ status: 'failed', stopping: 'failed' });
    expect(ended.error).toContain('breaks');
    expect(statuses(ended)).toEqual({ breaks: 'failed', after: 'skipped', tell: 'completed' });
  });

  it('goes on after a failure that may happen, and skips by conditions', async () => {
    await saved({
      name: 'tolerant',
      inputs: { deploy: { type: 'boolean', default: false } },
      steps: [
        { name: 'flaky', task: script('exit 1'), on_failure: 'continue' },
        { name: 'after', needs: ['flaky'], if: 'steps.flaky.status == "failed"', task: script('true') },
        { name: 'deploy', needs: ['after'], if: 'inputs.deploy', task: script('true') },
        { name: 'verify', needs: ['deploy'], task: script('true') },
        { name: 'always', needs: ['deploy'], if: 'true', task: script('true') },
      ],
    });
    const ended = await run('tolerant');
    expect(ended).toMatchObject({ status: 'completed', error: null });
    expect(statuses(ended)).toEqual({
      flaky: 'failed',
      after: 'completed',
      deploy: 'skipped',
      verify: 'skipped',
      always: 'completed',
    });
  });

  it('resumes where it failed: what completed is not run again', async () => {
    await saved({
      name: 'resumable',
      inputs: { marker: { type: 'string', required: true } },
      steps: [
        { name: 'once', task: script('true') },
        {
          name: 'needs_marker',
          needs: ['once'],
          task: script('test -e "$M"', {
            payload: { script: 'test -e "$M"', env: { M: '${{ inputs.marker }}' } },
          }),
        },
        { name: 'end', needs: ['needs_marker'], task: script('true') },
      ],
    });
    const marker = `${tower.folder}/marker-resumable`;
    const failed = await run('resumable', { marker });
    expect(statuses(failed)).toEqual({ once: 'completed', needs_marker: 'failed', end: 'skipped' });
    await writeFile(marker, '');
    const answer = await tower.api.post(`/workflow-runs/${failed.run_id}/resume`, {});
    expect(answer.status).toBe(200);
    const ended = await runEnded(tower.api, failed.run_id as string);
    expect(ended).toMatchObject({ status: 'completed', resumes: 1, error: null });
    expect(ended.steps.map(({ attempt }: JsonObject) => attempt)).toEqual([1, 2, 1]);
    expect(ended.steps[0].task_id).toBe(failed.steps[0].task_id);
    expect(ended.steps[1].task_id).not.toBe(failed.steps[1].task_id);
    expect((await tower.api.post(`/workflow-runs/${failed.run_id}/resume`, {})).body).toMatchObject({
      status: 409,
      code: 'ILLEGAL_STATE',
      current_state: 'completed',
    });
  });

  it('is cancelled: its tasks end, and nothing more begins', async () => {
    await saved({
      name: 'endless',
      steps: [
        { name: 'sleeps', task: script('sleep 300') },
        { name: 'waits', wait_for: { event: 'never.comes' } },
        { name: 'after', needs: ['sleeps'], task: script('true') },
      ],
    });
    const { body } = await tower.api.post('/workflows/endless/runs', {});
    const running = await runUntil(tower.api, body.run_id, ({ steps }) => steps[0].task_id !== null);
    await tower.api.post(`/workflow-runs/${body.run_id}/cancel`);
    const ended = await runEnded(tower.api, body.run_id);
    expect(ended.status).toBe('cancelled');
    expect(statuses(ended)).toEqual({ sleeps: 'cancelled', waits: 'cancelled', after: 'skipped' });
    expect(await tower.api.task(running.steps[0].task_id)).toMatchObject({ status: 'cancelled' });
    expect((await tower.api.post(`/workflow-runs/${body.run_id}/cancel`)).status).toBe(200);
  });

  it('takes no longer than its timeout', async () => {
    await saved({ name: 'slow', timeout_seconds: 1, steps: [{ name: 'sleeps', task: script('sleep 300') }] });
    const ended = await run('slow');
    expect(ended).toMatchObject({
      status: 'failed',
      stopping: 'timeout',
      error: 'It took longer than its 1 s.',
    });
    expect(statuses(ended)).toEqual({ sleeps: 'cancelled' });
  });

  it('runs one at a time of those with the same key, in their order', async () => {
    await saved({
      name: 'single',
      inputs: { environment: { type: 'string', default: 'staging' } },
      concurrency_key: 'deploy:${{ inputs.environment }}',
      steps: [{ name: 'works', task: script('sleep 0.3') }],
    });
    const ids: string[] = [];
    for (let count = 0; count < 3; count += 1) {
      ids.push((await tower.api.post('/workflows/single/runs', {})).body.run_id as string);
    }
    const ended: Answer['body'][] = [];
    for (const id of ids) ended.push(await runEnded(tower.api, id));
    expect(ended.map(({ status }) => status as string)).toEqual(['completed', 'completed', 'completed']);
    expect(Date.parse(ended[1].started_at)).toBeGreaterThanOrEqual(Date.parse(ended[0].finished_at));
    expect(Date.parse(ended[2].started_at)).toBeGreaterThanOrEqual(Date.parse(ended[1].finished_at));
  });

  it('runs another workflow as a step, and fails with it', async () => {
    await saved({
      name: 'inner',
      inputs: { ok: { type: 'boolean', required: true } },
      steps: [
        {
          name: 'judge',
          task: script('test "$OK" = true', {
            payload: { script: 'test "$OK" = true', env: { OK: '${{ string(inputs.ok) }}' } },
          }),
        },
      ],
    });
    await saved({
      name: 'outer',
      steps: [
        { name: 'good', workflow: { name: 'inner', inputs: { ok: true } } },
        {
          name: 'bad',
          needs: ['good'],
          workflow: { name: 'inner', inputs: { ok: '${{ steps.good.status != "completed" }}' } },
        },
      ],
    });
    const ended = await run('outer');
    expect(statuses(ended)).toEqual({ good: 'completed', bad: 'failed' });
    const child = (await tower.api.get(`/workflow-runs/${ended.steps[1].run_id}`)).body;
    expect(child).toMatchObject({
      workflow: 'inner',
      status: 'failed',
      trigger: 'workflow',
      parent_run_id: ended.run_id,
    });
  });

  it('keeps the version that it began with, while a new one is stored', async () => {
    const versioned = (text: string): JsonObject => ({
      name: 'versioned',
      steps: [
        { name: 'wait', wait_for: { event: 'versioned.go' } },
        { name: 'work', needs: ['wait'], task: script(text) },
      ],
    });
    await saved(versioned('echo old'));
    const { body } = await tower.api.post('/workflows/versioned/runs', {});
    expect((await tower.api.post('/workflows', versioned('echo new'))).body).toMatchObject({
      code: 'VALIDATION_FAILED',
      errors: [{ pointer: '/name', code: 'DUPLICATE_NAME' }],
    });
    expect((await tower.api.post('/workflows?replace=true', versioned('echo new'))).body.version).toBe(2);
    expect((await tower.api.post('/workflows', versioned('echo new'))).status).toBe(200);
    await recordEvent('versioned.go', {});
    const ended = await runEnded(tower.api, body.run_id);
    expect(ended).toMatchObject({ status: 'completed', version: 1 });
    expect((await tower.api.task(ended.steps[1].task_id)).payload).toEqual({ script: 'echo old' });
  });

  it('waits for the event that fits, also one that came before the step began', async () => {
    await saved({
      name: 'waiting',
      inputs: { ref: { type: 'string', required: true } },
      steps: [
        { name: 'first', task: script('true') },
        {
          name: 'approved',
          needs: ['first'],
          wait_for: { event: 'user.*', if: 'received.data.ref == inputs.ref' },
          timeout_seconds: 60,
        },
        {
          name: 'too_late',
          needs: ['approved'],
          wait_for: { event: 'user.action', since: 'step' },
          timeout_seconds: 1,
        },
      ],
    });
    const { body } = await tower.api.post('/workflows/waiting/runs', { inputs: { ref: 'v1' } });
    await runUntil(tower.api, body.run_id, ({ status }) => status === 'running');
    await recordEvent('user.action', { other: true });
    await recordEvent('user.action', { ref: 'v2' });
    await recordEvent('user.action', { ref: 'v1', by: 'ann' });
    const ended = await runEnded(tower.api, body.run_id);
    expect(ended.steps[1]).toMatchObject({
      status: 'completed',
      result: { event: { type: 'user.action', data: { ref: 'v1', by: 'ann' } } },
    });
    expect(ended.steps[2]).toMatchObject({ status: 'failed', error: expect.stringContaining('within 1 s') });
  });

  it('is started by the events that it names and whose condition holds, once each, with inputs from the event', async () => {
    await saved({
      name: 'triggered',
      trigger_events: ['ci.*'],
      trigger_conditions: 'event.data.branch == "main"',
      inputs: { branch: { type: 'string', required: true, default: '${{ event.data.branch }}' } },
      steps: [{ name: 'work', task: script('true') }],
    });
    await recordEvent('ci.push', { branch: 'main' });
    await recordEvent('ci.push', { branch: 'other' });
    await recordEvent('cd.push', { branch: 'main' });
    const list = async (): Promise<JsonObject[]> =>
      (await tower.api.get('/workflow-runs?workflow=triggered')).body.items as JsonObject[];
    while ((await list()).length === 0) await delay(50);
    const [{ run_id }] = await list();
    const ended = await runEnded(tower.api, run_id as string);
    expect(ended).toMatchObject({
      status: 'completed',
      trigger: 'event',
      inputs: { branch: 'main' },
      event: { type: 'ci.push' },
      requested_by: 'workflow:triggered',
    });
    expect(await list()).toHaveLength(1);
  });

  it('is not started again by what it causes itself', async () => {
    await saved({
      name: 'circle',
      trigger_events: ['circle.start', 'task.completed'],
      // The tower has tasks of other tests, which may end just now.
      trigger_conditions: 'event.type == "circle.start" || "circle" in event.data.tags',
      steps: [{ name: 'work', task: script('true', { tags: ['circle'] }) }],
    });
    await recordEvent('circle.start', {});
    const runs = async (): Promise<JsonObject[]> =>
      (await tower.api.get('/workflow-runs?workflow=circle&status=completed')).body.items as JsonObject[];
    while ((await runs()).length === 0) await delay(50);
    const own = (await runs()).filter(({ requested_by }) => requested_by === 'workflow:circle');
    expect(own).toHaveLength(1);
  });

  it('is started once under an idempotency key', async () => {
    await saved({
      name: 'keyed',
      inputs: { n: { type: 'integer', default: 1 } },
      steps: [{ name: 'work', task: script('true') }],
    });
    const start = (inputs: JsonObject): Promise<Answer> =>
      tower.api.post('/workflows/keyed/runs', { inputs }, { 'Idempotency-Key': 'once' });
    const answers = await Promise.all(Array.from({ length: 8 }, () => start({ n: 2 })));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 200, 200, 200, 200, 201]);
    expect(new Set(answers.map(({ body }) => body.run_id as string)).size).toBe(1);
    expect((await start({ n: 3 })).body).toMatchObject({ status: 409, code: 'IDEMPOTENCY_CONFLICT' });
  });

  it('hands nothing over twice when it breaks off after handing over and before writing that down', async () => {
    await saved({
      name: 'interrupted',
      steps: [
        { name: 'each', for_each: '[1, 2]', task: script('true') },
        { name: 'child', workflow: { name: 'inner', inputs: { ok: true } } },
      ],
    });
    const handOver = tower.app.get(HandOver, { strict: false });
    const original = handOver.handOver.bind(handOver);
    const brokenOff = new Set<string>();
    handOver.handOver = async (of, step) => {
      const handed = await original(of, step);
      const key = `${step.name} ${step.item}`;
      if (of.workflowName !== 'interrupted' || brokenOff.has(key)) return handed;
      brokenOff.add(key);
      throw new Error('as if the process had died');
    };
    try {
      const ended = await run('interrupted');
      expect(ended.status).toBe('completed');
      expect([...brokenOff].sort()).toEqual(['child -1', 'each 0', 'each 1']);
      const tasks = (await tower.api.get('/tasks?source=workflow:interrupted')).body.items as JsonObject[];
      expect(tasks.map(({ task_id }) => task_id as string).sort()).toEqual(
        ended.steps[0].items.map(({ task_id }: JsonObject) => task_id as string).sort(),
      );
      const { items } = (await tower.api.get(`/workflow-runs?parent_run_id=${ended.run_id}`)).body;
      expect(items).toMatchObject([{ run_id: ended.steps[1].run_id, status: 'completed' }]);
    } finally {
      handOver.handOver = original;
    }
  });

  it('is stored once under its name by those who hand in different ones at the same moment', async () => {
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, index) =>
        tower.api.post('/workflows', {
          name: 'contested',
          steps: [{ name: 'work', task: script(`echo ${index}`) }],
        }),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 422, 422, 422, 422, 422]);
    expect((await tower.api.get('/workflows/contested')).body.version).toBe(1);
  });

  it('is forgotten with age, its steps and no others', async () => {
    await saved({ name: 'aged', steps: [{ name: 'work', task: script('true') }] });
    const [old, young] = [await run('aged'), await run('aged')];
    const dataSource = await towerDataSource(database.url, false);
    const finishedAt = new Date(Date.now() - 40 * 86_400_000);
    await dataSource.manager.update(WorkflowRunEntity, { id: old.run_id }, { finishedAt });
    const cleaned = await tower.api.run({
      type: 'cleanup',
      payload: { what: 'workflow_runs', older_than_days: 30 },
    });
    expect(cleaned).toMatchObject({ status: 'completed', result: { removed: 1, examples: [old.run_id] } });
    expect((await tower.api.get(`/workflow-runs/${old.run_id}`)).body.code).toBe('WORKFLOW_RUN_NOT_FOUND');
    expect(await dataSource.manager.countBy(WorkflowStepEntity, { runId: old.run_id })).toBe(0);
    expect((await tower.api.get(`/workflow-runs/${young.run_id}`)).body.status).toBe('completed');
    await dataSource.destroy();
  });

  it('refuses inputs that do not fit, all at once', async () => {
    await saved({
      name: 'strict',
      inputs: {
        a: { type: 'string', required: true },
        b: { type: 'integer' },
        c: { type: 'string', enum: ['x', 'y'] },
      },
      steps: [{ name: 'work', task: script('true') }],
    });
    const { status, body } = await tower.api.post('/workflows/strict/runs', {
      inputs: { b: 1.5, c: 'z', d: 1 },
    });
    expect(status).toBe(422);
    expect(body.errors.map(({ pointer, code }: JsonObject) => `${code} ${pointer}`)).toEqual([
      'UNKNOWN_INPUT /inputs/d',
      'REQUIRED /inputs/a',
      'BAD_INPUT /inputs/b',
      'BAD_INPUT /inputs/c',
    ]);
  });

  it('fails with the reason where a task is refused when its templates are filled in', async () => {
    await saved({
      name: 'refused',
      inputs: { repository: { type: 'string', default: 'http://example.org/x.git' } },
      steps: [{ name: 'work', task: script('true', { target: { repository: '${{ inputs.repository }}' } }) }],
    });
    const denied = await run('refused');
    expect(denied.steps[0]).toMatchObject({ status: 'failed', task_id: null });
    expect(denied.steps[0].error).toMatch(/repositor/i);
    const invalid = await run('refused', { repository: '..' });
    expect(invalid.steps[0].error).toContain('/target/repository');
  });

  it('shows the workflows that come with it, in the array form', async () => {
    const { body } = await tower.api.get('/workflows');
    const names = body.map(({ name }: JsonObject) => name as string);
    expect(names).toEqual([...names].sort());
    expect(names).toEqual(
      expect.arrayContaining(['deployment_pipeline', 'incident_response', 'security_scan']),
    );
    const pipeline = body.find(({ name }: JsonObject) => name === 'deployment_pipeline');
    expect(pipeline).toMatchObject({
      description: 'Automated deployment pipeline',
      trigger_events: ['development.code_commit'],
      origin: 'code',
      is_active: true,
    });
    expect((await tower.api.get(`/workflows/${pipeline.id}`)).body.name).toBe('deployment_pipeline');
    expect((await tower.api.get('/workflows/none')).body).toMatchObject({
      status: 404,
      code: 'WORKFLOW_NOT_FOUND',
    });
    expect(
      (
        await tower.api.post('/workflows', {
          name: 'security_scan',
          steps: [{ name: 'a', task: script('true') }],
        })
      ).body.errors,
    ).toEqual([
      {
        pointer: '/name',
        code: 'DUPLICATE_NAME',
        message: expect.stringContaining('comes with the program'),
      },
    ]);
    expect((await tower.api.get('/status')).body.orchestrator.workflows_count).toBeGreaterThanOrEqual(3);
  });

  async function recordEvent(type: string, data: JsonObject): Promise<void> {
    const { status, body } = await tower.api.post('/events', { type, source: 'test', data });
    if (status !== 200) throw new Error(JSON.stringify(body));
  }
});
