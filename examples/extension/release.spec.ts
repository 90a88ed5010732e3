import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RecordingRunLog } from '../../test/support/recording-run-log.js';
import { Tower } from '../../test/support/tower.js';
import { eventually } from '../../test/support/eventually.js';
import type { RunContext } from '../../src/task-types/executor.js';
import { ReleaseNotesExecutor, type ReleaseNotesPayload } from './release-notes.executor.js';
import { ReleaseModule } from './release.module.js';

const DEPLOY = {
  type: 'deploy',
  payload: { script: 'true' },
  target: { environment: 'production' },
};

describe('ReleaseNotesExecutor', () => {
  it('returns as soon as its run is told to end, and says how far it was', async () => {
    const log = new RecordingRunLog();
    const run = {
      task: {
        id: 'a',
        type: 'release-notes',
        target: null,
        timeoutSeconds: 60,
        sandbox: { mode: 'none', network: false },
      },
      payload: { version: '1.0.0', changes: ['a', 'b'] },
      runId: 'b',
      attempt: 1,
      signal: AbortSignal.abort('cancelled'),
      log,
    } satisfies RunContext<ReleaseNotesPayload>;
    expect(await new ReleaseNotesExecutor().execute(run)).toEqual({
      status: 'stopped',
      result: { written: 0 },
    });
    expect(log.notes).toEqual([]);
  });
});

describe('a tower with ReleaseModule', () => {
  let tower: Tower;

  beforeAll(async () => {
    const settings = {
      MAX_CONCURRENT_AGENTS: '10',
      JCT_POLICY_FILE: resolve('examples/extension/policy.yaml'),
      JCT_SANDBOX: 'process',
    };
    tower = await Tower.start('sqlite://', settings, [ReleaseModule]);
    await eventually(async () => (await tower.api.get('/agents/release-scribe')).body.status === 'running');
  });
  afterAll(() => tower.stop());

  it('runs the new type and leaves a trace that verifies', async () => {
    const task = await tower.api.run({
      type: 'release-notes',
      payload: { version: '1.4.2', changes: ['Pay by invoice'] },
    });
    expect(task).toMatchObject({
      status: 'completed',
      result: { version: '1.4.2', notes: '# Release 1.4.2\n- Pay by invoice\n' },
    });
    const { body } = await tower.api.get(`/tasks/${task.task_id}/trace/verify`);
    expect(body).toMatchObject({ ok: true, problems: [] });
  });

  it('refuses a payload that breaks the rules of the new type, with a pointer', async () => {
    const payload = { version: '1.4', changes: ['x'] };
    const { status, body } = await tower.api.enqueue({ type: 'release-notes', payload });
    expect([status, body.errors]).toEqual([
      422,
      [expect.objectContaining({ pointer: '/payload/version', code: 'MATCHES' })],
    ]);
  });

  it('asks the new rule, and shows it with the policy', async () => {
    const { status, body } = await tower.api.enqueue(DEPLOY);
    expect([status, body.violations]).toEqual([
      403,
      [expect.objectContaining({ rule: 'production-needs-release', code: 'RELEASE_TAG_MISSING' })],
    ]);
    const { rules } = (await tower.api.get('/policies')).body;
    expect(rules.at(-1)).toMatchObject({ rule: 'production-needs-release', code: 'RELEASE_TAG_MISSING' });
  });

  it('lets the new agent react to a deployment, as itself and under policy', async () => {
    const deployment = await tower.api.run({ ...DEPLOY, tags: ['release', 'v1.4.3'] });
    expect(deployment.status).toBe('completed');
    const notes = await eventually(async () => {
      const { items } = (await tower.api.get('/tasks?type=release-notes&source=agent:release-scribe')).body;
      return items[0]?.status === 'completed' && items[0];
    });
    expect(notes).toMatchObject({
      requested_by: 'agent:release-scribe',
      result: { notes: `# Release 1.4.3\n- Deployed by task ${deployment.task_id}\n` },
    });
    const { body } = await tower.api.get('/agents/release-scribe');
    expect(body).toMatchObject({ config: { environment: 'production' }, statistics: { tasks_completed: 1 } });
  });

  it('runs the new workflow at its event, and the agent writes about what it deployed', async () => {
    const event = { type: 'release.requested', source: 'test', data: { version: '1.4.4' } };
    const { status } = await tower.api.post('/events', event);
    expect(status).toBe(200);
    const [run] = await eventually(async () => {
      const { items } = (await tower.api.get('/workflow-runs?workflow=release_gate')).body;
      return items[0]?.status === 'completed' && items;
    });
    expect(run).toMatchObject({ workflow: 'release_gate' });
    const notes = await eventually(async () => {
      const { items } = (await tower.api.get('/tasks?type=release-notes')).body;
      return items.find(({ result }: { result: { version?: string } | null }) => result?.version === '1.4.4');
    });
    expect(notes.requested_by).toBe('agent:release-scribe');
  });
});
