import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, describe } from '@jest/globals';
import { Injectable, Module } from '@nestjs/common';
import { createApp } from '../../src/app.js';
import { packageFile } from '../../src/common/version.js';
import type { JsonObject } from '../../src/common/json.js';
import { readSettings } from '../../src/config/settings.js';
import { workflow } from '../../src/workflows/definition/workflow-builder.js';
import { WorkflowStore } from '../../src/workflows/workflow-store.js';
import { WorkflowDefinition } from '../../src/workflows/workflow-definition.decorator.js';
import type { Answer } from '../support/api-client.js';
import { DATABASES, onBothDatabases, type TestDatabase } from '../support/databases.js';
import { GitRepository } from '../support/git-repository.js';
import { Tower } from '../support/tower.js';
import { towerEnvironment } from '../support/tower-environment.js';
import { WebhookReceiver } from '../support/webhook-receiver.js';
import { runEnded } from '../support/workflow-runs.js';

describe('the workflows that come with the tower', () => {
  let database: TestDatabase;
  let tower: Tower;
  let repository: GitRepository;
  let commit: string;

  beforeAll(async () => {
    database = await DATABASES[0].create();
    tower = await Tower.start(database.url, { JCT_SANDBOX: 'process', JCT_ALLOW_PRIVATE_TARGETS: 'true' });
    repository = new GitRepository(join(tower.folder, 'widgets'));
    cpSync(packageFile('examples/widgets'), repository.dir, { recursive: true });
    commit = repository.commit();
  });
  afterAll(async () => {
    await tower?.stop();
    await database?.drop();
  });

  async function event(type: string, data: JsonObject): Promise<string> {
    const { status, body } = await tower.api.post('/events', { type, source: 'test', data });
    if (status !== 200) throw new Error(JSON.stringify(body));
    return body.event_id as string;
  }

  /** The run of a workflow that an event has started, when it has ended. */
  async function runOf(name: string, eventId: string): Promise<Answer['body']> {
    for (;;) {
      const { items } = (await tower.api.get(`/workflow-runs?workflow=${name}`)).body;
      for (const { run_id } of items as { run_id: string }[]) {
        const { body } = await tower.api.get(`/workflow-runs/${run_id}`);
        if (body.event.id === eventId) return runEnded(tower.api, run_id);
      }
      await delay(50);
    }
  }

  const statuses = (run: Answer['body']): string[] =>
    run.steps.map(({ name, status }: JsonObject) => `${name} ${status}`);

  it('deploy a commit step by step, and scan it beside that, as tasks on exactly that commit', async () => {
    const id = await event('development.code_commit', {
      repository: repository.dir,
      branch: 'main',
      commit_sha: commit,
    });
    const run = await runOf('deployment_pipeline', id);
    expect(statuses(run)).toEqual(
      ['run_tests', 'build_image', 'deploy_staging', 'run_e2e_tests', 'deploy_production'].map(
        (name) => `${name} completed`,
      ),
    );
    for (const { task_id } of run.steps) {
      expect((await tower.api.task(task_id)).result.commit).toBe(commit);
    }
    const [, , staging, , production] = run.steps;
    expect((await tower.api.task(staging.task_id)).target.environment).toBe('staging');
    expect((await tower.api.task(production.task_id)).target.environment).toBe('production');
    const scan = await runOf('security_scan', id);
    expect(statuses(scan)).toEqual(
      ['scan_vulnerabilities', 'scan_secrets', 'compliance_check', 'generate_report'].map(
        (name) => `${name} completed`,
      ),
    );
    const report = await tower.api.get(
      `/tasks/${scan.steps[3].task_id}/trace/files/artifacts/security-report.json`,
    );
    expect(JSON.parse(report.body as string)).toMatchObject({
      repository: repository.dir,
      ref: commit,
      secrets: { status: 'completed', error: null },
    });
  }, 120_000);

  it('do not deploy other branches', async () => {
    const id = await event('development.code_commit', {
      repository: repository.dir,
      branch: 'feature',
      commit_sha: commit,
    });
    const scanned = await runOf('security_scan', id);
    expect(scanned.status).toBe('completed');
    const runs = (await tower.api.get('/workflow-runs?workflow=deployment_pipeline')).body
      .items as JsonObject[];
    expect(runs).toHaveLength(1);
  }, 120_000);

  it('find a secret, finish the other checks, write the report and fail', async () => {
    const leaked = repository.commit({ 'key.txt': `AKIA${'A'.repeat(16)}\n` });
    const { body } = await tower.api.post('/workflows/security_scan/runs', {
      inputs: { repository: repository.dir, ref: leaked },
    });
    const run = await runEnded(tower.api, body.run_id);
    expect(statuses(run)).toEqual([
      'scan_vulnerabilities completed',
      'scan_secrets failed',
      'compliance_check completed',
      'generate_report failed',
    ]);
    const report = await tower.api.get(
      `/tasks/${run.steps[3].task_id}/trace/files/artifacts/security-report.json`,
    );
    expect(JSON.parse(report.body as string).secrets).toMatchObject({ status: 'failed' });
  }, 120_000);

  it('write an incident down, tell the team and run what may help', async () => {
    const receiver = await WebhookReceiver.listening();
    try {
      const { body } = await tower.api.post('/workflows/incident_response/runs', {
        inputs: { notify_url: receiver.url, mitigation_command: 'echo restarted', severity: 'critical' },
      });
      const run = await runEnded(tower.api, body.run_id);
      expect(statuses(run)).toEqual([
        'assess_impact completed',
        'notify_team completed',
        'start_mitigation completed',
      ]);
      expect(await tower.api.task(run.steps[0].task_id)).toMatchObject({ priority: 'critical' });
    } finally {
      await receiver.down();
    }
    const id = await event('monitoring.service_down', { service: 'shop' });
    const quiet = await runOf('incident_response', id);
    expect(quiet).toMatchObject({ status: 'completed', inputs: { severity: 'medium' } });
    expect(statuses(quiet)).toEqual([
      'assess_impact completed',
      'notify_team skipped',
      'start_mitigation skipped',
    ]);
    const incident = await tower.api.get(
      `/tasks/${quiet.steps[0].task_id}/trace/files/artifacts/incident.json`,
    );
    expect(JSON.parse(incident.body as string)).toMatchObject({ id, data: { service: 'shop' } });
  }, 120_000);
});

onBothDatabases('workflows in code', (create, databaseName) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await create();
  });
  afterAll(() => database?.drop());

  /** Starts a tower with a definition and stops it. @returns the stored version */
  async function versionWith(script: string): Promise<number> {
    @WorkflowDefinition()
    @Injectable()
    class Own {
      define() {
        return workflow('own', 'Mine')
          .step('work', { task: { type: 'test', payload: { script } } })
          .build();
      }
    }
    @Module({ providers: [Own] })
    class OwnModule {}
    const settings = readSettings(
      towerEnvironment('/nonexistent', { DATABASE_URL: database.url, JCT_ROLE: 'api' }),
    );
    const app = await createApp(settings, [OwnModule]);
    const { version } = await app.get(WorkflowStore, { strict: false }).get('own');
    await app.close();
    return version;
  }

  it('are stored anew exactly when they have changed', async () => {
    expect(await versionWith('true')).toBe(1);
    expect(await versionWith('true')).toBe(1);
    expect(await versionWith('echo changed')).toBe(2);
  });

  // A process ends after that. Here it would leave its connections to PostgreSQL behind.
  const once = databaseName === 'SQLite' ? it : it.skip;
  once('keep the tower from starting when they are wrong, and say where', async () => {
    await expect(versionWith('echo ${{ event.data.x }}')).rejects.toThrow(
      /The workflow "own" of Own is not right:\n {2}\/steps\/0\/task\/payload\/script: within a script/,
    );
  });
});
