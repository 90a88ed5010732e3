import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newId } from '../../src/common/ids.js';
import type { Answer, ApiClient } from '../support/api-client.js';
import { DATABASES, onBothDatabases, type TestDatabase } from '../support/databases.js';
import { Tower } from '../support/tower.js';
import { TowerYard } from '../support/tower-process.js';

/** A queue that no worker serves: the task stays as it was handed in. */
const parked = (changes: object = {}): object => ({
  type: 'test',
  payload: { script: 'true' },
  options: { queue: 'parked' },
  ...changes,
});

const counts = (answers: Answer[]): Record<number, number> =>
  answers.reduce<Record<number, number>>(
    (sum, { status }) => ({ ...sum, [status]: (sum[status] ?? 0) + 1 }),
    {},
  );

onBothDatabases('enqueue', (create, name) => {
  let database: TestDatabase;
  let tower: Tower;
  let api: ApiClient;

  beforeAll(async () => {
    database = await create();
    tower = await Tower.start(database.url);
    api = tower.api;
  });
  afterAll(async () => {
    await tower?.stop();
    await database?.drop();
  });

  const storedTasks = async (): Promise<number> => {
    const { by_status: byStatus } = (await api.get('/tasks/stats')).body as {
      by_status: Record<string, number>;
    };
    return Object.values(byStatus).reduce((sum, count) => sum + count, 0);
  };

  it('answers each task of a batch as it would be answered alone, in their order', async () => {
    const good = { type: 'test', payload: { script: 'true' }, idempotency_key: `batch-${Date.now()}` };
    const denied = { ...good, idempotency_key: undefined, options: { sandbox: { network: true } } };
    const wrong = { type: 'test', payload: {} };
    const { status, body } = await api.post('/tasks/enqueue/batch', {
      tasks: [good, denied, good, wrong],
    });
    expect(status).toBe(200);
    expect(body.items).toMatchObject([
      { status_code: 201, status: 'queued' },
      { status_code: 403, code: 'POLICY_DENIED' },
      { status_code: 200, task_id: body.items[0].task_id },
      { status_code: 422, code: 'VALIDATION_FAILED', errors: [{ pointer: '/payload/script' }] },
    ]);
    expect((await api.get(`/tasks/${body.items[0].task_id}`)).status).toBe(200);
  });

  it('takes a thousand tasks in one request, and not one more', async () => {
    const tasks = Array.from({ length: 1_000 }, () => ({
      type: 'test',
      payload: { script: 'true' },
      options: { queue: 'nobody' },
    }));
    const { body } = await api.post('/tasks/enqueue/batch', { tasks });
    expect(new Set(body.items.map((item: { task_id: string }) => item.task_id)).size).toBe(1_000);
    expect((await api.post('/tasks/enqueue/batch', { tasks: [...tasks, tasks[0]] })).status).toBe(422);
    const withHeader = await api.post(
      '/tasks/enqueue/batch',
      { tasks: [tasks[0]] },
      { 'Idempotency-Key': 'a' },
    );
    expect(withHeader).toMatchObject({ status: 400, body: { code: 'MALFORMED_HEADER' } });
  });

  it('answers 201 with Location and exactly task_id, status and created_at', async () => {
    const { status, headers, body } = await api.enqueue(parked());
    expect(status).toBe(201);
    expect(body).toEqual({
      task_id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
      status: 'queued',
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    });
    expect(headers.get('location')).toBe(`/tasks/${body.task_id}`);
    expect(headers.get('idempotency-replayed')).toBeNull();
    const stored = await api.task(body.task_id);
    expect(stored).toMatchObject({ ...body, priority: 'medium', source: 'api', queue: 'parked', attempt: 0 });
  });

  it('answers the same request under the same key with the same task, however it is written', async () => {
    const key = newId();
    const first = await api.enqueue(parked({ metadata: { a: 1, b: [true, null] } }), {
      'Idempotency-Key': key,
    });
    expect(first.status).toBe(201);
    const equal: [object | string, Record<string, string>][] = [
      [parked({ metadata: { a: 1, b: [true, null] } }), { 'Idempotency-Key': key }],
      [parked({ metadata: { a: 1, b: [true, null] } }), { 'Idempotency-Key': `"${key}"` }],
      [parked({ metadata: { b: [true, null], a: 1.0 }, idempotency_key: key }), {}],
      [
        `{ "metadata" : {"b":[true,null],"a":1e0},
           "options": {"sandbox":{"network":false,"mode":"preferred"},"retries":0,"queue":"parked","timeout_seconds":900},
           "tags": [], "source": "api", "priority": "medium", "payload": {"script":"tr\\u0075e"}, "type": "test" }`,
        { 'Idempotency-Key': key },
      ],
    ];
    for (const [body, headers] of equal) {
      const again = await api.enqueue(body, headers);
      expect(again.status).toBe(200);
      expect(again.body).toEqual(first.body);
      expect(again.headers.get('idempotency-replayed')).toBe('true');
      expect(again.headers.get('location')).toBe(first.headers.get('location'));
    }
  });

  it('answers another request under the same key with 409, naming the task that has it', async () => {
    const key = newId();
    const first = await api.enqueue(parked({ idempotency_key: key }));
    for (const changes of [{ priority: 'high' }, { payload: { script: 'false' } }, { tags: ['other'] }]) {
      const other = await api.enqueue(parked({ idempotency_key: key, ...changes }));
      expect(other.status).toBe(409);
      expect(other.body).toMatchObject({ code: 'IDEMPOTENCY_CONFLICT', task_id: first.body.task_id });
    }
  });

  it('refuses a key in the header that differs from the key in the body, and malformed keys', async () => {
    const differing = await api.enqueue(parked({ idempotency_key: 'one' }), { 'Idempotency-Key': 'two' });
    expect(differing.status).toBe(400);
    expect(differing.body.errors[0]).toMatchObject({ pointer: 'Idempotency-Key', code: 'MALFORMED_HEADER' });
    expect((await api.enqueue(parked(), { 'Idempotency-Key': 'x'.repeat(129) })).status).toBe(400);
    expect((await api.enqueue(parked(), { 'Idempotency-Key': '""' })).status).toBe(400);
    expect((await api.enqueue(parked({ idempotency_key: '' }))).status).toBe(422);
  });

  it('makes one task of 100 parallel equal requests: one 201, 99 replays, no 5xx', async () => {
    const before = await storedTasks();
    const body = parked({ idempotency_key: newId() });
    const answers = await Promise.all(Array.from({ length: 100 }, () => api.enqueue(body)));
    expect(counts(answers)).toEqual({ 201: 1, 200: 99 });
    expect(new Set(answers.map((answer) => answer.body.task_id)).size).toBe(1);
    expect(await storedTasks()).toBe(before + 1);
  });

  it('F14 makes one task of 100 parallel equal requests to two processes', async () => {
    const yard = await TowerYard.open();
    try {
      const environment = { DATABASE_URL: database.url, JCT_ROLE: 'api' };
      const towers = await Promise.all([yard.start(environment), yard.start(environment)]);
      const body = parked({ idempotency_key: newId() });
      const answers = await Promise.all(
        Array.from({ length: 100 }, (_, index) => towers[index % 2].api.enqueue(body)),
      );
      expect(counts(answers)).toEqual({ 201: 1, 200: 99 });
      expect(new Set(answers.map((answer) => answer.body.task_id)).size).toBe(1);
    } finally {
      await yard.close();
    }
  });

  it('does not remember denied and invalid requests under their key', async () => {
    const key = newId();
    const denied = parked({ idempotency_key: key, options: { queue: 'parked', sandbox: { network: true } } });
    expect((await api.enqueue(denied)).status).toBe(403);
    expect((await api.enqueue(parked({ idempotency_key: key, nope: 1 }))).status).toBe(422);
    expect((await api.enqueue(parked({ idempotency_key: key }))).status).toBe(201);
  });

  it('tells with dry_run what would happen, and stores nothing', async () => {
    const key = newId();
    const dryRun = (body: object): Promise<Answer> => api.post('/tasks/enqueue?dry_run=true', body);
    const before = await storedTasks();
    const wouldEnqueue = await dryRun(parked({ idempotency_key: key }));
    expect(wouldEnqueue.status).toBe(200);
    expect(wouldEnqueue.body).toMatchObject({
      outcome: 'enqueue',
      status_code: 201,
      existing_task_id: null,
      request: { priority: 'medium', options: { timeout_seconds: 900, queue: 'parked' } },
      policy: { decision: 'allow' },
    });
    const wouldDeny = await dryRun(parked({ options: { sandbox: { network: true } } }));
    expect(wouldDeny.body).toMatchObject({ outcome: 'deny', status_code: 403, policy: { decision: 'deny' } });
    expect(await storedTasks()).toBe(before);

    const id = await api.accepted(parked({ idempotency_key: key }));
    const wouldReplay = await dryRun(parked({ idempotency_key: key }));
    expect(wouldReplay.body).toMatchObject({ outcome: 'replay', status_code: 200, existing_task_id: id });
    expect((await dryRun(parked({ idempotency_key: key, priority: 'low' }))).status).toBe(409);
    expect((await dryRun(parked({ nope: 1 }))).status).toBe(422);
    expect(await storedTasks()).toBe(before + 1);
  });

  it('answers Prefer: wait with the finished task, and with the plain answer when it takes longer', async () => {
    const quick = await api.enqueue({ type: 'test', payload: { script: 'true' } }, { Prefer: 'wait=30' });
    expect(quick.status).toBe(201);
    expect(quick.headers.get('preference-applied')).toBe('wait=30');
    expect(quick.body).toMatchObject({ status: 'completed', attempt: 1, result: { exit_code: 0 } });

    const slow = await api.enqueue(parked(), { Prefer: 'respond-async, wait=1' });
    expect(slow.status).toBe(201);
    expect(Object.keys(slow.body as object).sort()).toEqual(['created_at', 'status', 'task_id']);
    expect((await api.enqueue(parked(), { Prefer: 'wait=soon' })).status).toBe(400);
  });

  it('takes a well-formed X-Request-Id, makes one otherwise, returns it and stores it with the task', async () => {
    const taken = await api.enqueue(parked(), { 'X-Request-Id': 'ci-42.a_b' });
    expect(taken.headers.get('x-request-id')).toBe('ci-42.a_b');
    expect((await api.task(taken.body.task_id)).request_id).toBe('ci-42.a_b');
    for (const malformed of ['a b', 'x'.repeat(129), 'ü', '{}']) {
      const made = await api.enqueue(parked(), { 'X-Request-Id': encodeURI(malformed) });
      expect(made.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
      expect((await api.task(made.body.task_id)).request_id).toBe(made.headers.get('x-request-id'));
    }
    const refused = await api.enqueue({}, { 'X-Request-Id': 'ci-43' });
    expect(refused.body.request_id).toBe('ci-43');
    expect(refused.headers.get('x-request-id')).toBe('ci-43');
  });

  it(`keeps every form of Unicode as it was sent (${name})`, async () => {
    const metadata = {
      emoji: '👩‍👩‍👧‍👦🇦🇹',
      rightToLeft: 'שלום \u202e evil \u202c مرحبا',
      composed: 'caf\u00e9',
      decomposed: 'cafe\u0301',
      separators: '\u2028\u2029\ufeff\u200b\t\n\r\u0001\u007f\uffff',
      'key with \u00e9 / ~ "quotes" \\': { '': '', ' ': ' ' },
      numbers: [0, -1.5, 1e-7, 1e300, 9007199254740991],
    };
    const id = await api.accepted(parked({ metadata, tags: ['caf\u00e9', 'cafe\u0301', '🚀'], source: 'Ω' }));
    const stored = await api.task(id);
    expect(stored.metadata).toEqual(metadata);
    expect(stored.tags).toEqual(['caf\u00e9', 'cafe\u0301', '🚀']);
    const search = async (query: string): Promise<number> =>
      (await api.get(`/tasks?${query}`)).body.items.length;
    expect(await search(`tag=${encodeURIComponent('cafe\u0301')}&source=${encodeURIComponent('Ω')}`)).toBe(1);
    expect(await search(`tag=${encodeURIComponent('caf')}`)).toBe(0);
  });
});

describe('intake', () => {
  let database: TestDatabase;
  let tower: Tower;
  let api: ApiClient;

  beforeAll(async () => {
    database = await DATABASES[0].create();
    tower = await Tower.start(database.url, { JCT_ROLE: 'api' });
    api = tower.api;
  });
  afterAll(async () => {
    await tower?.stop();
    await database?.drop();
  });

  const pointers = ({ body }: Answer): string[] => [
    ...new Set((body.errors as { pointer: string }[]).map(({ pointer }) => pointer)),
  ];

  it('lists every violation with its pointer, unknown fields at any depth included', async () => {
    const answer = await api.enqueue({
      type: 'test',
      payload: { script: 'true' },
      priority: 'urgent',
      source: '',
      colour: 'red',
      'a/b~c': 1,
      tags: ['ok', ''],
      target: { repository: 'ext::sh -c id', ref: '-x', path: '../..', branch: 'main' },
      options: {
        timeout_seconds: 0,
        retries: '1',
        sandbox: { mode: 'loose', gpu: true },
        run_at: 'tomorrow',
      },
      callback_url: 'nowhere',
    });
    expect(answer.status).toBe(422);
    expect(answer.body.code).toBe('VALIDATION_FAILED');
    expect(pointers(answer).sort()).toEqual([
      '/a~1b~0c',
      '/callback_url',
      '/colour',
      '/options/retries',
      '/options/run_at',
      '/options/sandbox/gpu',
      '/options/sandbox/mode',
      '/options/timeout_seconds',
      '/priority',
      '/source',
      '/tags',
      '/target/branch',
      '/target/path',
      '/target/ref',
      '/target/repository',
    ]);
    const unknown = (answer.body.errors as { pointer: string; code: string }[]).filter(
      ({ code }) => code === 'UNKNOWN_FIELD',
    );
    expect(unknown).toHaveLength(4);
  });

  it('lists violations of shape, options and payload in one answer', async () => {
    const both = await api.enqueue({ type: 'scan', payload: { fail_on: 'maybe' }, priority: 'urgent' });
    expect(pointers(both).sort()).toEqual(['/payload/fail_on', '/payload/script', '/priority']);
    const options = { run_at: '2199-01-02T00:00:00Z', expires_at: '2199-01-01T00:00:00Z' };
    const again = await api.enqueue({ type: 'scan', payload: {}, options });
    expect(pointers(again).sort()).toEqual(['/options/expires_at', '/payload/script']);
    const unknown = await api.enqueue({ type: 'tset', payload: {}, priority: 'urgent' });
    expect(unknown.body.code).toBe('UNKNOWN_TASK_TYPE');
    expect(pointers(unknown).sort()).toEqual(['/priority', '/type']);
    const evaluated = await api.post('/policies/evaluate', { type: 'scan', payload: {}, priority: 'urgent' });
    expect(pointers(evaluated).sort()).toEqual(['/payload/script', '/priority']);
  });

  it('says which fields are missing', async () => {
    const answer = await api.enqueue({});
    expect(answer.status).toBe(422);
    expect(pointers(answer).sort()).toEqual(['/payload', '/type']);
    expect((answer.body.errors as { code: string }[]).every(({ code }) => code === 'REQUIRED')).toBe(true);
  });

  it('answers an unknown type with the types that there are', async () => {
    for (const type of ['tset', '__proto__', 'toString', 'TEST']) {
      const answer = await api.enqueue(parked({ type }));
      expect(answer.status).toBe(422);
      expect(answer.body.code).toBe('UNKNOWN_TASK_TYPE');
      for (const known of ['build', 'deploy', 'notify', 'scan', 'test'])
        expect(answer.body.detail).toContain(known);
    }
  });

  const url = 'https://hooks.example.com/x';
  it.each([
    ['build', {}, ['/payload/script']],
    ['build', { script: 'true', command: ['true'] }, ['/payload/script']],
    ['build', { script: '' }, ['/payload/script']],
    ['build', { script: 7 }, ['/payload/script']],
    ['build', { script: 'x'.repeat(65_537) }, ['/payload/script']],
    ['build', { command: [] }, ['/payload/command']],
    ['build', { command: ['A=b'] }, ['/payload/command']],
    ['test', { script: 'true', nope: 1, constructors: 2 }, ['/payload/constructors', '/payload/nope']],
    ['test', { script: 'true', env: { JCT_RUN: '7' } }, ['/payload/env']],
    ['test', { script: 'true', env: { 'A-B': 'x' } }, ['/payload/env']],
    ['test', { script: 'true', env: ['A=b'] }, ['/payload/env']],
    ['test', { script: 'true', artifacts: ['../secret'] }, ['/payload/artifacts']],
    ['test', { script: 'true', artifacts: ['/etc/passwd'] }, ['/payload/artifacts']],
    [
      'test',
      { script: 'true', reports: { junit: 'x.xml', tap: [] } },
      ['/payload/reports/junit', '/payload/reports/tap'],
    ],
    ['test', { script: 'true', checks: [{ exit_code: -1 }] }, ['/payload/checks/0/exit_code']],
    ['test', { script: 'true', checks: [{}] }, ['/payload/checks']],
    ['test', { script: 'true', checks: [{ file_exists: '../x' }] }, ['/payload/checks/0/file_exists']],
    ['deploy', { script: 'true', secrets: ['TOKEN'] }, ['/payload/secrets']],
    ['scan', { script: 'true', fail_on: 'maybe' }, ['/payload/fail_on']],
    ['cleanup', { what: 'moon' }, ['/payload/what']],
    ['cleanup', { what: 'traces', older_than_days: 'all' }, ['/payload/older_than_days']],
    [
      'notify',
      { url: 'ftp://example.com', message: '', format: 'fax' },
      ['/payload/format', '/payload/message', '/payload/url'],
    ],
    ['notify', { url, message: 'x', headers: { 'a b': 'c' } }, ['/payload/headers']],
  ])('refuses a %s task with payload %j at %j', async (type, payload, expected) => {
    const answer = await api.enqueue({ type, payload });
    expect(answer.status).toBe(422);
    expect(answer.body.code).toBe('VALIDATION_FAILED');
    expect(pointers(answer).sort()).toEqual(expected);
  });

  it('answers what policy denies with 403 and every violated rule', async () => {
    const answer = await api.enqueue({
      type: 'test',
      payload: { script: 'true' },
      target: { repository: 'http://example.com/acme/widgets' },
      options: { sandbox: { mode: 'none', network: true } },
      callback_url: 'http://127.0.0.1:9/hook',
    });
    expect(answer.status).toBe(403);
    expect(answer.body.code).toBe('POLICY_DENIED');
    const violations = answer.body.violations as Record<string, unknown>[];
    expect(violations.map(({ code }) => code).sort()).toEqual([
      'CALLBACK_NOT_ALLOWED',
      'NETWORK_NOT_GRANTED',
      'REPOSITORY_NOT_ALLOWED',
      'SANDBOX_NOT_GRANTED',
    ]);
    for (const violation of violations) {
      expect(Object.keys(violation).sort()).toEqual(['allowed', 'code', 'field', 'message', 'rule', 'value']);
    }
  });

  it.each([
    'http://127.0.0.1/',
    'http://localhost:8000/',
    'http://LOCALHOST./',
    'http://[::1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://0.0.0.0/',
    'http://0x7f.1/',
    'http://2130706433/',
    'http://017700000001/',
    'http://10.1.2.3/',
    'http://172.16.0.1/',
    'http://192.168.1.1/',
    'http://169.254.169.254/latest/meta-data/',
    'http://100.64.0.1/',
    'http://[fd00::1]/',
    'http://[fe80::1]/',
    'http://metadata.google.internal/',
    'http://printer.local/',
    'https://user:password@example.com/',
    'file:///etc/passwd',
    'gopher://example.com/',
    'javascript:alert(1)',
    '//example.com/',
  ])('refuses the callback URL %s', async (callback) => {
    const answer = await api.enqueue(parked({ callback_url: callback }));
    expect([403, 422]).toContain(answer.status);
    expect(['POLICY_DENIED', 'VALIDATION_FAILED']).toContain(answer.body.code);
  });

  it('takes times in any zone, and refuses those that contradict each other', async () => {
    const options = {
      queue: 'parked',
      run_at: '2199-01-01T12:00:00+02:00',
      expires_at: '2199-01-02T00:00:00.5Z',
    };
    const task = await api.task(await api.accepted(parked({ options })));
    expect(task.run_at).toBe('2199-01-01T10:00:00.000Z');
    expect(task.expires_at).toBe('2199-01-02T00:00:00.500Z');
    const swapped = { run_at: options.expires_at, expires_at: options.run_at };
    expect(pointers(await api.enqueue(parked({ options: swapped })))).toEqual(['/options/expires_at']);
  });
});
