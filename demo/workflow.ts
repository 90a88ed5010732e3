import { randomBytes } from 'node:crypto';
import { commitFile, type ExampleRepository } from './example-repository.js';
import { modelStandIn, standInEnvironment } from './model-stand-in.js';
import { runDemo, type Stage } from './stage.js';
import { heading, mark, say, style } from './terminal.js';
import type { TowerClient } from './tower-client.js';
import { showDiagnosis } from './workflow-diagnosis.js';
import { showFailure } from './workflow-failure.js';
import { followRun, runOf } from './workflow-progress.js';

const WORKFLOW = 'deployment_pipeline';
const SECRET = randomBytes(32).toString('hex');

const FAILING_TEST = 'a widget costs nothing';
const BROKEN_TEST = `import assert from 'node:assert/strict';
import { test } from 'node:test';

test('${FAILING_TEST}', () => assert.equal(1, 0));
`;

/** What GitHub says of a push to main; the repository is one on this disk. */
function pushPayload({ path }: ExampleRepository, commit: string, message: string): object {
  return {
    ref: 'refs/heads/main',
    before: '0'.repeat(40),
    after: commit,
    forced: false,
    deleted: false,
    repository: { full_name: 'demo/widgets', clone_url: path, default_branch: 'main' },
    pusher: { name: 'demo' },
    sender: { login: 'demo' },
    head_commit: { id: commit, message, author: { username: 'demo' } },
    commits: [{ id: commit, message, added: [], modified: [], removed: [] }],
  };
}

async function push(
  client: TowerClient,
  repository: ExampleRepository,
  commit: string,
  message: string,
): Promise<string> {
  const event = await client.deliverPush(pushPayload(repository, commit, message), SECRET);
  say(`  ${mark(true)} signed push of ${commit.slice(0, 12)} taken  ${style('dim', `event ${event}`)}`);
  return runOf(client, WORKFLOW, event);
}

async function show(stage: Stage): Promise<void> {
  await showGoodCommit(stage);
  await showBadCommit(stage);
}

async function showGoodCommit({ client, repository, expect }: Stage): Promise<void> {
  heading('GitHub tells of a push to main: the pipeline runs, each step a task on that commit');
  const id = await push(client, repository, repository.commit, 'Open the shop');
  const run = await followRun(client, id);
  expect.that(run.status === 'completed', `The pipeline is ${run.status}: ${run.error ?? ''}`);
  const done = run.steps.every(({ status }) => status === 'completed');
  expect.that(done, 'Not every step has completed.');
  heading('The same run as a graph (GET /workflow-runs/{id}, for whatever draws Mermaid)');
  for (const line of run.mermaid.split('\n')) say(`  ${style('dim', line)}`);
}

async function showBadCommit(stage: Stage): Promise<void> {
  const { client, folder, repository, expect } = stage;
  heading('A commit with a test that fails');
  const message = 'Give widgets away';
  const commit = await commitFile(folder, repository, 'test/free.test.js', BROKEN_TEST, message);
  const id = await push(client, repository, commit, message);
  const run = await followRun(client, id);
  const statuses = run.steps.map(({ status }) => status).join();
  expect.that(
    run.status === 'failed' && statuses === 'failed,skipped,skipped,skipped,skipped',
    `The pipeline should have stopped at its tests; it is ${run.status} (${statuses}).`,
  );
  const failed = await showFailure(client, run, expect);
  if (failed !== undefined) await showDiagnosis(stage, model, failed, FAILING_TEST);
}

function whatNext(folder: string, keep: boolean): [string, string][] {
  return [
    ['npm start', 'a tower that stays'],
    ['curl -s localhost:8000/workflows', 'the workflows that come with it'],
    ['docs/workflows.md', 'how to write your own, in JSON or in code'],
    [
      'ANTHROPIC_API_KEY=... npm start',
      'build-doctor with a real model; logs leave the tower: docs/agents.md',
    ],
    keep
      ? [`find ${folder}/traces`, 'the traces of this demo']
      : ['npm run demo:workflow -- --keep', 'the demo, leaving its folder to look at'],
  ];
}

const model = await modelStandIn();
try {
  await runDemo({
    script: 'demo:workflow',
    environment: { JCT_GITHUB_WEBHOOK_SECRET: SECRET, ...standInEnvironment(model) },
    show,
    whatNext,
  });
} finally {
  await model.close();
}
