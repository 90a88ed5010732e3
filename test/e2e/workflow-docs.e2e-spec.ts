import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { JsonObject } from '../../src/common/json.js';
import { packageFile } from '../../src/common/version.js';
import { DATABASES, type TestDatabase } from '../support/databases.js';
import { Tower } from '../support/tower.js';
import { runEnded } from '../support/workflow-runs.js';

const page = readFileSync(packageFile('docs/workflows.md'), 'utf8');
const documents = [...page.matchAll(/```json\n([\s\S]*?)```/g)].map(
  ([, text]) => JSON.parse(text) as JsonObject,
);

/** Inputs that a document does not have by itself. */
const INPUTS: Record<string, JsonObject> = { nightly: { branch: 'main' } };

describe('docs/workflows.md', () => {
  let database: TestDatabase;
  let tower: Tower;
  beforeAll(async () => {
    database = await DATABASES[0].create();
    tower = await Tower.start(database.url, { JCT_SANDBOX: 'process' });
  });
  afterAll(async () => {
    await tower?.stop();
    await database?.drop();
  });

  it.each(documents.map((document): [string, JsonObject] => [String(document['name']), document]))(
    'shows %s as it can be handed in, and it runs to its end',
    async (name, document) => {
      const saved = await tower.api.post('/workflows', document);
      expect(saved.body).toMatchObject({ name, version: 1 });
      const started = await tower.api.post(`/workflows/${name}/runs`, { inputs: INPUTS[name] ?? {} });
      expect(started.status).toBe(201);
      expect(await runEnded(tower.api, started.body.run_id as string)).toMatchObject({
        status: 'completed',
        error: null,
      });
    },
  );

  it('shows every field of a workflow', () => {
    const fields = [...page.matchAll(/^\| `(\w+)` +\|/gm)].map(([, field]) => field);
    expect(fields).toEqual(
      expect.arrayContaining([
        'name',
        'trigger_events',
        'trigger_conditions',
        'inputs',
        'steps',
        'schedules',
        'concurrency_key',
        'timeout_seconds',
        'is_active',
      ]),
    );
  });
});
