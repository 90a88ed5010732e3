import { once } from 'node:events';
import { request, type ClientRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Answer, ApiClient, RawRequest } from '../support/api-client.js';
import { onBothDatabases, type TestDatabase } from '../support/databases.js';
import { Tower } from '../support/tower.js';

const ENQUEUE = '/tasks/enqueue';
const JSON_TYPE = { 'Content-Type': 'application/json' };

function expectProblem({ status, headers, body }: Answer, expectedStatus: number, code: string): void {
  expect({ status, code: body.code as unknown }).toEqual({ status: expectedStatus, code });
  expect(headers.get('content-type')).toMatch(/^application\/problem\+json/);
  expect(body).toMatchObject({
    type: `/docs/errors.md#${code.toLowerCase()}`,
    title: expect.any(String),
    status,
    detail: expect.any(String),
    instance: expect.any(String),
    request_id: headers.get('x-request-id'),
  });
  expect(JSON.stringify(body)).not.toMatch(/\bat .*\.[jt]s:\d+|node_modules/);
}

/** A body that is valid but for what stands in its metadata, as text. */
const withMetadata = (text: string): string =>
  `{"type":"test","payload":{"script":"true"},"options":{"queue":"parked"},"metadata":${text}}`;

/** A chunked request whose body is never ended. */
function endlessPost(url: string): ClientRequest {
  const { hostname, port } = new URL(url);
  const headers = { ...JSON_TYPE, 'Transfer-Encoding': 'chunked' };
  const post = request({ hostname, port, method: 'POST', path: ENQUEUE, headers });
  return post.on('error', () => undefined); // the tower closes while we still send
}

/** Sends until the far end closes, or so many bytes were sent. @returns how many were */
async function sendOn(post: ClientRequest, bytesMax: number): Promise<number> {
  const chunk = Buffer.alloc(65_536, '[');
  const closed = once(post, 'close');
  let sentBytes = 0;
  for (; !post.destroyed && sentBytes < bytesMax; sentBytes += chunk.length) {
    if (!post.write(chunk)) await Promise.race([once(post, 'drain'), closed]);
    await nextTurn();
  }
  post.destroy();
  return sentBytes;
}

onBothDatabases('hostile requests', (create) => {
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

  const post = (body: string | Buffer, headers: RawRequest['headers'] = JSON_TYPE): Promise<Answer> =>
    api.raw({ method: 'POST', path: ENQUEUE, headers, body });

  it('answers every hostile body with a problem document of its own code', async () => {
    const bodies: [string, string | Buffer, number, string][] = [
      ['nesting of 65', withMetadata(`{"a":${'['.repeat(64)}${']'.repeat(64)}}`), 400, 'HOSTILE_JSON'],
      [
        'nesting of 3,000',
        withMetadata(`${'{"a":'.repeat(3_000)}1${'}'.repeat(3_000)}`),
        400,
        'HOSTILE_JSON',
      ],
      ['nesting of 100,000', '['.repeat(100_000), 400, 'HOSTILE_JSON'],
      ['__proto__', withMetadata('{"__proto__":{"admin":true}}'), 400, 'HOSTILE_JSON'],
      ['an escaped __proto__', withMetadata('{"\\u005f_proto__":{"admin":true}}'), 400, 'HOSTILE_JSON'],
      ['constructor', withMetadata('{"constructor":{"prototype":{"admin":true}}}'), 400, 'HOSTILE_JSON'],
      ['a key twice', withMetadata('{"a":1,"a":2}'), 400, 'HOSTILE_JSON'],
      ['a key twice, escaped', withMetadata('{"a":1,"\\u0061":2}'), 400, 'HOSTILE_JSON'],
      ['type twice', '{"type":"test","type":"deploy","payload":{"script":"true"}}', 400, 'HOSTILE_JSON'],
      ['NUL', withMetadata('{"a":"\\u0000"}'), 400, 'HOSTILE_JSON'],
      ['NUL in a key', withMetadata('{"\\u0000":1}'), 400, 'HOSTILE_JSON'],
      ['a lone surrogate', withMetadata('{"a":"\\ud83d"}'), 400, 'HOSTILE_JSON'],
      ['a lone low surrogate', withMetadata('{"a":"x\\ude00"}'), 400, 'HOSTILE_JSON'],
      ['1e400', withMetadata('{"a":1e400}'), 400, 'HOSTILE_JSON'],
      ['1e-400', withMetadata('{"a":1e-400}'), 400, 'HOSTILE_JSON'],
      ['2^53+1', withMetadata('{"a":9007199254740993}'), 400, 'HOSTILE_JSON'],
      ['20,000 members', withMetadata(`{"a":[${'1,'.repeat(20_000)}1]}`), 400, 'HOSTILE_JSON'],
      [
        'BOM',
        Buffer.concat([Buffer.from('efbbbf', 'hex'), Buffer.from(withMetadata('{}'))]),
        400,
        'MALFORMED_JSON',
      ],
      ['null', 'null', 400, 'MALFORMED_JSON'],
      ['[]', '[]', 400, 'MALFORMED_JSON'],
      ['a string', '"x"', 400, 'MALFORMED_JSON'],
      ['a number', '1', 400, 'MALFORMED_JSON'],
      ['white space', ' \n', 400, 'MALFORMED_JSON'],
      ['truncated', withMetadata('{}').slice(0, -1), 400, 'MALFORMED_JSON'],
      ['two documents', '{}{}', 400, 'MALFORMED_JSON'],
      ['NaN', withMetadata('{"a":NaN}'), 400, 'MALFORMED_JSON'],
      ['a comment', `${withMetadata('{}')} // x`, 400, 'MALFORMED_JSON'],
      ['single quotes', "{'type':'test'}", 400, 'MALFORMED_JSON'],
      ['invalid UTF-8', Buffer.from(withMetadata('{"a":"\xff"}'), 'latin1'), 400, 'MALFORMED_JSON'],
      ['overlong UTF-8', Buffer.from(withMetadata('{"a":"\xc0\xaf"}'), 'latin1'), 400, 'MALFORMED_JSON'],
      [
        'an encoded surrogate',
        Buffer.from(withMetadata('{"a":"\xed\xa0\x80"}'), 'latin1'),
        400,
        'MALFORMED_JSON',
      ],
      ['no body', '', 422, 'VALIDATION_FAILED'],
      ['an empty object', '{}', 422, 'VALIDATION_FAILED'],
      ['metadata of 33 KiB', withMetadata(`{"a":"${'x'.repeat(33_000)}"}`), 422, 'VALIDATION_FAILED'],
      [
        'payload of 300 KiB',
        JSON.stringify({
          type: 'test',
          payload: { command: ['echo', ...Array<string>(5).fill('x'.repeat(60_000))] },
        }),
        403,
        'POLICY_DENIED',
      ],
    ];
    for (const [what, body, status, code] of bodies) {
      const answer = await post(body);
      expect({ what, status: answer.status, code: answer.body.code }).toEqual({ what, status, code });
      expectProblem(answer, status, code);
    }
  });

  it('names every place of a hostile document by its pointer', async () => {
    const answer = await post(withMetadata('{"a":{"b/c":["\\u0000",1e400]},"__proto__":1}'));
    expect(
      answer.body.errors.map(({ pointer, code }: { pointer: string; code: string }) => [pointer, code]),
    ).toEqual([
      ['/metadata/a/b~1c/0', 'NUL_CHARACTER'],
      ['/metadata/a/b~1c/1', 'NUMBER_NOT_EXACT'],
      ['/metadata/__proto__', 'FORBIDDEN_KEY'],
    ]);
    expect(({} as Record<string, unknown>)['admin']).toBeUndefined();
  });

  it.each([
    ['text/plain', { 'Content-Type': 'text/plain' }],
    ['no type', {}],
    ['a form', { 'Content-Type': 'application/x-www-form-urlencoded' }],
    ['charset latin1', { 'Content-Type': 'application/json; charset=latin1' }],
    ['charset utf-16', { 'Content-Type': 'application/json; charset=utf-16' }],
    ['gzip', { ...JSON_TYPE, 'Content-Encoding': 'gzip' }],
    ['deflate', { ...JSON_TYPE, 'Content-Encoding': 'deflate' }],
    ['an unknown encoding', { ...JSON_TYPE, 'Content-Encoding': 'zstd, br' }],
  ])('answers a body of %s with 415', async (_, headers) => {
    expectProblem(await post(withMetadata('{}'), headers), 415, 'UNSUPPORTED_MEDIA_TYPE');
  });

  it('answers 2 MiB with 413 and the limit', async () => {
    const answer = await post(withMetadata(`{"a":"${'x'.repeat(2_097_152)}"}`));
    expectProblem(answer, 413, 'BODY_TOO_LARGE');
    expect(answer.body.detail).toContain('1048576');
  });

  it('answers a body without end with 413 as soon as it is too large, and cuts who goes on', async () => {
    const stopping = endlessPost(api.url);
    stopping.write(Buffer.alloc(1_048_577, '['));
    const [response] = (await once(stopping, 'response')) as [IncomingMessage];
    expect(response.statusCode).toBe(413);
    stopping.destroy();

    const sentBytesMax = 64 * 1_048_576;
    expect(await sendOn(endlessPost(api.url), sentBytesMax)).toBeLessThan(sentBytesMax);
  });

  it.each([
    ['PUT', '/tasks/enqueue', 405, 'METHOD_NOT_ALLOWED'],
    ['DELETE', '/tasks', 405, 'METHOD_NOT_ALLOWED'],
    ['PATCH', '/healthz', 405, 'METHOD_NOT_ALLOWED'],
    ['GET', '/nothing/here', 404, 'ROUTE_NOT_FOUND'],
    ['GET', '/', 404, 'ROUTE_NOT_FOUND'],
    ['GET', '/tasks/%', 400, 'MALFORMED_PATH'],
    ['GET', '/tasks/%zz', 400, 'MALFORMED_PATH'],
    ['GET', '/tasks/%c0%af', 400, 'MALFORMED_PATH'],
    ['POST', '/tasks/%e0%80/cancel', 400, 'MALFORMED_PATH'],
    ['GET', '/tasks?cursor=nonsense', 400, 'MALFORMED_CURSOR'],
    ['GET', '/tasks?cursor=', 400, 'MALFORMED_CURSOR'],
    [
      'GET',
      `/tasks?cursor=${Buffer.from("2026-01-01T00:00:00.000Z ' OR 1=1--").toString('base64url')}`,
      400,
      'MALFORMED_CURSOR',
    ],
    ['GET', '/tasks?limit=0', 422, 'VALIDATION_FAILED'],
    ['GET', '/tasks?limit=201', 422, 'VALIDATION_FAILED'],
    ['GET', '/tasks?limit=abc', 422, 'VALIDATION_FAILED'],
    ['GET', '/tasks?limit=1.5', 422, 'VALIDATION_FAILED'],
    ['GET', '/tasks?limit=', 422, 'VALIDATION_FAILED'],
    ['GET', '/tasks?limit=1&limit=2', 422, 'VALIDATION_FAILED'],
    ['GET', '/tasks?limit[gt]=1', 422, 'VALIDATION_FAILED'],
    ['GET', '/tasks?nope=1', 422, 'VALIDATION_FAILED'],
    ['GET', '/tasks?__proto__[x]=1', 422, 'VALIDATION_FAILED'],
    ['GET', '/tasks?status=running,nope', 422, 'VALIDATION_FAILED'],
    ['GET', '/tasks?q=%00', 422, 'VALIDATION_FAILED'],
    ['GET', '/tasks?source=%00', 422, 'VALIDATION_FAILED'],
    ['GET', '/tasks?tag=%00', 422, 'VALIDATION_FAILED'],
    ['GET', '/tasks?repository=%00', 422, 'VALIDATION_FAILED'],
    ['GET', '/tasks?environment=a%00b', 422, 'VALIDATION_FAILED'],
    ['GET', '/tasks?created_after=yesterday', 422, 'VALIDATION_FAILED'],
    ['POST', '/tasks/enqueue?dry_run=maybe', 422, 'VALIDATION_FAILED'],
  ])('answers %s %s with %i %s', async (method, path, status, code) => {
    const answer = await api.raw({ method, path });
    expectProblem(answer, status, code);
    if (status === 405) expect(answer.headers.get('allow')).toMatch(/GET|POST/);
  });

  it('names what a known path answers in Allow', async () => {
    const answer = await api.raw({
      method: 'PUT',
      path: ENQUEUE,
      headers: JSON_TYPE,
      body: withMetadata('{}'),
    });
    expectProblem(answer, 405, 'METHOD_NOT_ALLOWED');
    expect(answer.headers.get('allow')!.split(', ')).toContain('POST');
  });

  it('answers every strange id like one that does not exist', async () => {
    const ids = [
      '..%2f',
      '..%2f..%2fetc%2fpasswd',
      '%2e%2e',
      '%00',
      'CON',
      '-1',
      'null',
      '*',
      "'%20OR%201=1--",
      '%F0%9F%9A%80',
      '01A20314-01E6-7072-BB8A-6329197DF1D6',
      '01a20314-01e6-7072-bb8a-6329197df1d6',
      '{01a20314-01e6-7072-bb8a-6329197df1d6}',
      'x'.repeat(10_240),
    ];
    const routes: [string, string][] = [
      ['GET', ''],
      ['GET', '/runs'],
      ['GET', '/explain'],
      ['GET', '/logs'],
      ['GET', '/trace'],
      ['GET', '/trace/verify'],
      ['GET', '/trace/files/log.txt'],
      ['POST', '/cancel'],
      ['POST', '/retry'],
      ['POST', '/replay'],
    ];
    for (const id of ids) {
      for (const [method, route] of routes) {
        expectProblem(await api.raw({ method, path: `/tasks/${id}${route}` }), 404, 'TASK_NOT_FOUND');
      }
      const stream = await api.raw({ path: `/tasks/${id}/logs`, headers: { Accept: 'text/event-stream' } });
      expectProblem(stream, 404, 'TASK_NOT_FOUND');
    }
  });

  it('gives no file from outside the folder of the run', async () => {
    const task = await api.run({
      type: 'test',
      payload: { script: 'ln -s /etc/passwd "$JCT_ARTIFACTS_DIR/link"; echo hello' },
    });
    const files = `/tasks/${task.task_id}/trace/files`;
    expect((await api.raw({ path: `${files}/log.txt` })).body).toContain('hello');
    const paths = [
      '../run-1/log.txt',
      '..%2frun-1%2flog.txt',
      '%2e%2e/run-1/log.txt',
      '..%2f..%2f..%2f..%2fetc%2fpasswd',
      '....//....//etc/passwd',
      '%2fetc%2fpasswd',
      '/etc/passwd',
      '//etc/passwd',
      'log.txt%00.png',
      'log.txt/',
      'log.txt/.',
      './log.txt/..',
      'artifacts/..%2flog.txt',
      'artifacts/../../../../devops_control_tower.db',
      'artifacts%5c..%5c..%5clog.txt',
      'artifacts/link',
      'artifacts',
      '.',
      '..',
      'LOG.TXT',
      'C:%5cWindows',
      'CON',
      'x'.repeat(5_000),
    ];
    for (const path of paths) {
      const answer = await api.raw({ path: `${files}/${path}` });
      expect({ path, status: answer.status, text: JSON.stringify(answer.body) }).toEqual({
        path,
        status: 404,
        text: expect.not.stringMatching(/root:|hello/),
      });
    }
  });

  it.each([
    ['bytes that are not HTTP', '\0\0\0\0', 400, 'MALFORMED_REQUEST'],
    ['another protocol', 'HELO\r\n\r\n', 400, 'MALFORMED_REQUEST'],
    [
      'a length below zero',
      'GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n',
      400,
      'MALFORMED_REQUEST',
    ],
    ['headers of 32 KiB', `GET / HTTP/1.1\r\nX: ${'x'.repeat(32_768)}\r\n\r\n`, 431, 'HEADERS_TOO_LARGE'],
  ])(
    'answers %s with a problem document, closes the connection and goes on serving',
    async (_, sent, status, code) => {
      const { hostname, port } = new URL(api.url);
      const socket = connect(Number(port), hostname);
      socket.on('error', () => undefined);
      socket.write(sent);
      const answer = await text(socket);
      expect(answer).toMatch(
        new RegExp(`^HTTP/1.1 ${status} [\\s\\S]*application/problem\\+json[\\s\\S]*"code":"${code}"`),
      );
      expect((await api.get('/healthz')).status).toBe(200);
    },
  );

  it('never answers 5xx to random JSON', async () => {
    const key = fc.oneof(
      fc.constantFrom(
        'type',
        'payload',
        'options',
        'target',
        'metadata',
        'tags',
        'script',
        'env',
        'run_at',
        'sandbox',
      ),
      fc.string({ unit: 'grapheme' }),
    );
    const value = fc.oneof(
      fc.constantFrom('test', 'notify', 'cleanup', 'parked', '2026-01-01T00:00:00Z', 'https://example.com/x'),
      fc.jsonValue({ maxDepth: 4, stringUnit: 'binary' }),
    );
    const nested = fc.dictionary(key, fc.oneof(value, fc.dictionary(key, value)));
    const likely = fc.record(
      {
        type: fc.oneof(fc.constantFrom('test', 'build', 'scan', 'deploy', 'cleanup', 'notify'), value),
        payload: fc.oneof(fc.record({ script: fc.string({ unit: 'binary' }) }), nested, value),
        priority: fc.oneof(fc.constantFrom('low', 'high'), value),
        options: fc.oneof(fc.constant({ queue: 'parked' }), nested),
        target: fc.oneof(
          fc.record({ repository: fc.string(), ref: fc.string(), path: fc.string() }, { requiredKeys: [] }),
          nested,
        ),
        tags: fc.oneof(fc.array(fc.string({ unit: 'binary' })), value),
        metadata: fc.oneof(nested, value),
        idempotency_key: fc.oneof(fc.string({ minLength: 1, maxLength: 3 }), value),
        callback_url: fc.oneof(fc.webUrl(), value),
        source: fc.string({ unit: 'binary' }),
      },
      { requiredKeys: ['type', 'payload'] },
    );
    await fc.assert(
      fc.asyncProperty(fc.oneof(likely, nested, value), async (body) => {
        const { status } = await api.post('/tasks/enqueue?dry_run=true', JSON.stringify(body));
        expect(status).toBeLessThan(500);
        const stored = { ...(body as object), options: { queue: 'parked' } };
        expect((await api.enqueue(stored)).status).toBeLessThan(500);
      }),
      { numRuns: 150 },
    );
    const listed = await api.get('/tasks?limit=200');
    expect(listed.status).toBe(200);
  });
});
