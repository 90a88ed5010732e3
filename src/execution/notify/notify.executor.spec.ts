import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Test } from '@nestjs/testing';
import { ConfigModule } from '../../config/config.module.js';
import { readSettings } from '../../config/settings.js';
import type { RunContext, RunLog } from '../../task-types/executor.js';
import { TaskTypeRegistry } from '../../task-types/task-type-registry.js';
import { TaskTypesModule } from '../../task-types/task-types.module.js';
import { NotifyExecutor } from './notify.executor.js';
import { NotifyModule } from './notify.module.js';
import { NotifyPayload } from './notify.payload.js';

/** What the executor told the trace; the trace itself is the worker's. */
class RecordedLog implements RunLog {
  readonly masked: string[] = [];
  readonly notes: string[] = [];
  readonly events: unknown[] = [];
  written = '';

  output(_stream: 'stdout' | 'stderr', chunk: Buffer): Promise<void> {
    this.written += chunk.toString();
    return Promise.resolve();
  }
  note(line: string): Promise<void> {
    this.notes.push(line);
    return Promise.resolve();
  }
  event(name: string, data?: object): Promise<void> {
    this.events.push([name, data]);
    return Promise.resolve();
  }
  artifact(): never {
    throw new Error('a notification keeps no artifacts');
  }
  fact(): void {}
  mask(secret: string): void {
    this.masked.push(secret);
  }
}

describe('NotifyExecutor', () => {
  const servers: Server[] = [];
  const seen: { url?: string; headers: IncomingHttpHeaders; body: string }[] = [];

  afterEach(() => {
    seen.length = 0;
    for (const server of servers.splice(0)) {
      server.close();
      server.closeAllConnections();
    }
  });

  async function answering(status: number, answer = ''): Promise<string> {
    const server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        seen.push({ url: request.url, headers: request.headers, body });
        response.writeHead(status).end(answer);
      });
    }).listen(0, '127.0.0.1');
    servers.push(server);
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  async function tower(env: Record<string, string> = { JCT_ALLOW_PRIVATE_TARGETS: 'true' }) {
    const module = await Test.createTestingModule({
      imports: [ConfigModule.forRoot(readSettings(env)), TaskTypesModule, NotifyModule],
    }).compile();
    return module.init();
  }

  async function run(
    payload: Omit<NotifyPayload, 'message'>,
    signal?: AbortSignal,
    env?: Record<string, string>,
  ) {
    const log = new RecordedLog();
    const context: RunContext<NotifyPayload> = {
      task: {
        id: '0190a000-0000-7000-8000-000000000001',
        type: 'notify',
        target: { environment: 'staging' },
        timeoutSeconds: 60,
        sandbox: { mode: 'preferred', network: false },
      },
      payload: Object.assign(new NotifyPayload(), { message: 'Release 1.4.2 ✓', ...payload }),
      runId: '0190a000-0000-7000-8000-000000000002',
      attempt: 2,
      signal: signal ?? new AbortController().signal,
      log,
    };
    const outcome = await (await tower(env)).get(NotifyExecutor).execute(context);
    return { outcome, log };
  }

  it('is found as the executor of notify, with its payload', async () => {
    const module = await tower();
    expect(module.get(TaskTypeRegistry).find('notify')).toMatchObject({
      payload: NotifyPayload,
      executor: module.get(NotifyExecutor),
    });
  });

  it.each([undefined, null, 'json'] as const)(
    'format %s: posts the message and the facts of its task',
    async (format) => {
      const { outcome } = await run({ url: `${await answering(204)}/hook`, format });
      expect(outcome).toEqual({
        status: 'completed',
        result: { status: 204, duration_ms: expect.any(Number) },
      });
      expect(seen[0].headers['content-type']).toBe('application/json');
      expect(JSON.parse(seen[0].body)).toEqual({
        message: 'Release 1.4.2 ✓',
        task_id: '0190a000-0000-7000-8000-000000000001',
        type: 'notify',
        attempt: 2,
        target: { environment: 'staging' },
      });
    },
  );

  it('format slack: posts what incoming webhooks take', async () => {
    await run({ url: await answering(200), format: 'slack' });
    expect(seen[0].headers['content-type']).toBe('application/json');
    expect(JSON.parse(seen[0].body)).toEqual({ text: 'Release 1.4.2 ✓' });
  });

  it('format text: posts the message alone, as UTF-8', async () => {
    await run({ url: await answering(200), format: 'text' });
    expect(seen[0]).toMatchObject({
      body: 'Release 1.4.2 ✓',
      headers: { 'content-type': 'text/plain; charset=utf-8' },
    });
  });

  it('sends the headers of the payload; a content type among them wins', async () => {
    const headers = { 'X-Team': 'platform', 'Content-Type': 'application/vnd.acme+json' };
    await run({ url: await answering(200), headers });
    expect(seen[0].headers).toMatchObject({
      'x-team': 'platform',
      'content-type': 'application/vnd.acme+json',
    });
  });

  it.each<[number, boolean]>([
    [302, true],
    [400, false],
    [401, false],
    [404, false],
    [408, true],
    [410, false],
    [425, true],
    [429, true],
    [500, true],
    [503, true],
  ])('answer %d is a failure; worth a retry: %s', async (status, retryable) => {
    const { outcome, log } = await run({ url: await answering(status, 'no such channel') });
    expect(outcome).toEqual({
      status: 'failed',
      failure: { reason: 'error', message: expect.stringContaining(String(status)) },
      result: { status, duration_ms: expect.any(Number) },
      retryable,
    });
    expect(log.written).toBe('no such channel\n');
    expect(log.events).toEqual([['http_response', { status, duration_ms: expect.any(Number) }]]);
  });

  it('cuts a long answer in the log', async () => {
    const { log } = await run({ url: await answering(500, 'x'.repeat(5_000)) });
    expect(log.written).toHaveLength(2_001);
  });

  it('a target that the guard refuses is a failure that no retry mends, and nothing is sent', async () => {
    const { outcome } = await run({ url: await answering(200) }, undefined, {});
    expect(outcome).toMatchObject({ status: 'failed', retryable: false, failure: { reason: 'error' } });
    expect(seen).toEqual([]);
    expect((await run({ url: 'http://' })).outcome).toMatchObject({ status: 'failed', retryable: false });
  });

  it('nobody listening is a failure worth a retry', async () => {
    const url = await answering(200);
    servers.pop()!.close();
    expect((await run({ url })).outcome).toMatchObject({
      status: 'failed',
      retryable: true,
      result: { reason: 'network' },
    });
  });

  it('ends as stopped when the run is told to end', async () => {
    const stop = new AbortController();
    const server = createServer(() => stop.abort('timeout')).listen(0, '127.0.0.1');
    servers.push(server);
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    expect((await run({ url }, stop.signal)).outcome).toEqual({ status: 'stopped', result: {} });
  });

  it('masks credentials of headers and query before anything is noted, and notes no query', async () => {
    const headers = { Authorization: 'Bearer abc123', 'X-API-Key': 'k-456', 'X-Team': 'platform' };
    const { log } = await run({ url: `${await answering(200)}/hook?sig=s%2F789&room=42`, headers });
    expect(log.masked).toEqual(['Bearer abc123', 'abc123', 'k-456', 's/789', 's%2F789']);
    expect(log.notes[0]).toMatch(/^POST http:\/\/127\.0\.0\.1:\d+\/hook$/);
    expect(seen[0].url).toBe('/hook?sig=s%2F789&room=42');
  });

  it('masks the path of a Slack-like URL, for whoever has it can post', async () => {
    const { log } = await run({ url: `${await answering(200)}/services/T0/B0/x1`, format: 'slack' });
    expect(log.masked).toContain('services/T0/B0/x1');
  });
});
