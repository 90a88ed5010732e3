import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { ApiClient } from '../support/api-client.js';
import { onBothDatabases, type TestDatabase } from '../support/databases.js';
import { TowerYard } from '../support/tower-process.js';

interface Operation {
  operationId?: string;
  tags?: string[];
  summary?: string;
  responses: Record<string, { description?: string; content?: Record<string, { schema?: object }> }>;
}

onBothDatabases('a tower tells of itself', (create, name) => {
  let database: TestDatabase;
  let yard: TowerYard;
  let api: ApiClient;

  beforeAll(async () => {
    database = await create();
    yard = await TowerYard.open();
    const tower = await yard.start({
      DATABASE_URL: database.url,
      ENVIRONMENT: 'staging',
      MAX_CONCURRENT_AGENTS: '7',
    });
    api = tower.api;
  });
  afterAll(async () => {
    await yard?.close();
    await database?.drop();
  });

  it('says {"status":"ok"} at /health and /healthz, and nothing else', async () => {
    for (const path of ['/health', '/healthz']) {
      const { status, body, headers } = await api.get(path);
      expect({ status, body }).toEqual({ status: 200, body: { status: 'ok' } });
      expect(headers.get('content-type')).toMatch(/^application\/json/);
      expect(headers.get('x-powered-by')).toBeNull();
    }
  });

  it('says its version', async () => {
    expect((await api.get('/version')).body).toEqual({ version: expect.stringMatching(/^\d+\.\d+\.\d+/) });
  });

  it('is ready with every check up', async () => {
    const { status, body } = await api.get('/readyz');
    expect(status).toBe(200);
    expect(body.status).toBe('ready');
    const up = { status: 'up', message: null };
    expect(body.checks).toMatchObject({ database: up, migrations: up, disk: up, worker: up });
  });

  it('answers /status in the shape of the seed, and beside it worker, queue, sandbox, database and auth', async () => {
    const { status, body } = await api.get('/status');
    expect(status).toBe(200);
    expect(body.orchestrator).toEqual({
      status: 'running',
      agents_count: 0,
      workflows_count: 3,
      running_tasks: 0,
    });
    expect(body.agents).toEqual({});
    expect(body.settings).toEqual({ environment: 'staging', debug: false, max_concurrent_agents: 7 });
    expect(body).toMatchObject({
      role: 'all',
      workers: [{ queues: ['default'], slots: 4, busy: 0, paused: null }],
      queue: { pending: 0, queued: 0, running: 0, completed: 0, failed: 0, cancelled: 0 },
      sandbox: { isolation: expect.stringMatching(/^(bubblewrap|process)$/) },
      database: {
        kind: name === 'SQLite' ? 'sqlite' : 'postgres',
        version: expect.stringMatching(/^\d+\.\d+/),
      },
      auth: { key_required: false },
    });
    expect(JSON.stringify(body)).not.toContain(database.url);
  });

  it('serves its OpenAPI document: every operation named, tagged, summed up, its errors declared', async () => {
    const { status, body: document } = await api.get('/openapi.json');
    expect(status).toBe(200);
    const operations = Object.entries(document.paths as Record<string, Record<string, Operation>>).flatMap(
      ([path, methods]) =>
        Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
    );
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(operations.length);
    for (const { path, method, operation } of operations) {
      const what = `${method} ${path}`;
      expect({ what, id: operation.operationId }).toEqual({
        what,
        id: expect.stringMatching(/^[a-z][A-Za-z]+$/),
      });
      expect({ what, tags: operation.tags }).toEqual({ what, tags: [expect.any(String)] });
      expect({ what, summary: operation.summary }).toEqual({ what, summary: expect.stringMatching(/\S/) });
      const errors = Object.entries(operation.responses).filter(([code]) => Number(code) >= 400);
      expect({ what, codes: errors.map(([code]) => code) }).toEqual({
        what,
        codes: expect.arrayContaining(['500']),
      });
      for (const [code, { content }] of errors) {
        if (path === '/readyz' && code === '503') continue; // the checks, not a problem
        expect({ what, code, types: Object.keys(content ?? {}) }).toEqual({
          what,
          code,
          types: ['application/problem+json'],
        });
      }
    }
    for (const [path, method] of [
      ['/tasks', 'get'],
      ['/tasks/enqueue', 'post'],
      ['/tasks/stats', 'get'],
      ['/tasks/{task_id}', 'get'],
      ['/tasks/{task_id}/cancel', 'post'],
      ['/tasks/{task_id}/retry', 'post'],
      ['/tasks/{task_id}/replay', 'post'],
      ['/tasks/{task_id}/runs', 'get'],
      ['/tasks/{task_id}/explain', 'get'],
      ['/tasks/{task_id}/logs', 'get'],
      ['/tasks/{task_id}/trace', 'get'],
      ['/tasks/{task_id}/trace/verify', 'get'],
      ['/status', 'get'],
    ]) {
      expect({ path, found: document.paths[path]?.[method] !== undefined }).toEqual({ path, found: true });
    }
  });

  it('leads every reference of the document somewhere, and types the payload of each task type', async () => {
    const { body: document } = await api.get('/openapi.json');
    const text = JSON.stringify(document);
    const schemas = document.components.schemas as Record<string, object>;
    for (const [, schema] of text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
      expect(Object.keys(schemas)).toContain(schema);
    }
    const { discriminator } = schemas['EnqueueTaskDto'] as { discriminator: { mapping: object } };
    expect(Object.keys(discriminator.mapping).sort()).toEqual([
      'build',
      'cleanup',
      'deploy',
      'notify',
      'scan',
      'test',
    ]);
  });

  it('serves documentation for people, and the page to which the type of a problem leads', async () => {
    const docs = await api.get('/docs');
    expect(docs.status).toBe(200);
    expect(docs.headers.get('content-type')).toMatch(/^text\/html/);
    const { body: problem } = await api.get('/tasks/none');
    const page = await api.get(new URL(problem.type as string, api.url).pathname);
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toMatch(/^text\/markdown/);
  });

  it('explains every code of an error that a client meets', async () => {
    const page = (await api.get('/docs/errors.md')).body as string;
    for (const code of [
      'TASK_NOT_FOUND',
      'VALIDATION_FAILED',
      'POLICY_DENIED',
      'IDEMPOTENCY_CONFLICT',
      'ILLEGAL_STATE',
    ]) {
      expect(page).toContain(code);
    }
  });
});
