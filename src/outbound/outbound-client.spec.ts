import { once } from 'node:events';
import type { LookupAddress } from 'node:dns';
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Test } from '@nestjs/testing';
import { ConfigModule } from '../config/config.module.js';
import { readSettings } from '../config/settings.js';
import { OutboundClient, type OutboundRequest, type OutboundResponse } from './outbound-client.js';
import { OutboundModule } from './outbound.module.js';
import { Resolver } from './resolver.js';

const OPEN = { JCT_ALLOW_PRIVATE_TARGETS: 'true' };

class Failing extends Resolver {
  override resolve(): Promise<LookupAddress[]> {
    return Promise.reject(Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' }));
  }
}

class Silent extends Resolver {
  override resolve(): Promise<LookupAddress[]> {
    return new Promise(() => undefined);
  }
}

describe('OutboundClient', () => {
  const servers: Server[] = [];

  afterEach(() => {
    for (const server of servers.splice(0)) {
      server.close();
      server.closeAllConnections();
    }
  });

  /** A server on every address of this machine: whatever spelling of "here" gets through, it is seen. */
  async function serve(listener: RequestListener): Promise<number> {
    const server = createServer(listener).listen(0);
    servers.push(server);
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }

  async function canary(): Promise<{ port: number; hits: () => number }> {
    let hits = 0;
    const port = await serve((_request, response) => {
      hits++;
      response.end('secret');
    });
    servers.at(-1)!.on('connection', () => hits++);
    return { port, hits: () => hits };
  }

  async function client(env: Record<string, string>, resolver: Resolver = new Resolver()) {
    const module = await Test.createTestingModule({
      imports: [ConfigModule.forRoot(readSettings(env)), OutboundModule],
    })
      .overrideProvider(Resolver)
      .useValue(resolver)
      .compile();
    return module.get(OutboundClient);
  }

  async function post(
    url: string,
    more: Partial<OutboundRequest> = {},
    env: Record<string, string> = OPEN,
    resolver?: Resolver,
  ): Promise<OutboundResponse> {
    const outbound = await client(env, resolver);
    return outbound.post({ url, headers: {}, body: 'hello', timeoutMs: 5_000, ...more });
  }

  it('posts the body with its headers and its own user agent, and gives status and answer', async () => {
    let seen: { request: IncomingMessage; body: string } | undefined;
    const port = await serve((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        seen = { request, body };
        response.writeHead(202, { 'Retry-After': '7' }).end('thanks ✓');
      });
    });
    const answer = await post(`http://localhost:${port}/hook?a=b`, {
      headers: { 'Content-Type': 'text/plain', 'X-Team': 'platform', 'User-Agent': 'somebody else' },
    });

    expect(answer).toEqual({
      ok: true,
      status: 202,
      bodyStart: 'thanks ✓',
      retryAfterSeconds: 7,
      durationMs: expect.any(Number),
    });
    expect(seen).toMatchObject({ body: 'hello', request: { method: 'POST', url: '/hook?a=b' } });
    expect(seen?.request.headers).toMatchObject({
      host: `localhost:${port}`,
      'content-type': 'text/plain',
      'content-length': '5',
      'x-team': 'platform',
      connection: 'close',
      'user-agent': expect.stringMatching(/^devops-control-tower\/\d+\.\d+\.\d+/),
    });
  });

  it.each<[string, (response: ServerResponse) => void]>([
    ['never answers', () => undefined],
    ['sends headers and then nothing', (response) => response.writeHead(200).flushHeaders()],
    [
      'drips its answer, one byte at a time',
      (response) => {
        const drip = setInterval(() => response.write('.'), 10);
        response.on('close', () => clearInterval(drip));
      },
    ],
  ])('gives up in time when the far end %s', async (_what, behave) => {
    const port = await serve((_request, response) => behave(response));
    const startedMs = performance.now();
    expect(await post(`http://127.0.0.1:${port}/`, { timeoutMs: 200 })).toEqual({
      ok: false,
      reason: 'timeout',
      message: 'No complete answer within 200 ms.',
    });
    expect(performance.now() - startedMs).toBeLessThan(3_000);
  });

  it('gives up in time when the name server is silent', async () => {
    const startedMs = performance.now();
    const answer = await post('http://hooks.example/', { timeoutMs: 100 }, {}, new Silent());
    expect(performance.now() - startedMs).toBeLessThan(3_000);
    expect(answer).toMatchObject({ ok: false, reason: 'timeout' });
  });

  it('keeps 64 KiB of an endless answer and hangs up', async () => {
    let closed: Promise<unknown> | undefined;
    const port = await serve((_request, response) => {
      closed = once(response, 'close');
      const more = (): void => {
        while (!response.destroyed && response.write('x'.repeat(16_384)));
      };
      response.on('drain', more);
      more();
    });
    const answer = await post(`http://127.0.0.1:${port}/`);
    expect(answer).toMatchObject({ ok: true, status: 200, bodyStart: 'x'.repeat(65_536) });
    await closed;
  });

  it('stops when its signal is aborted, also before it began', async () => {
    const stop = new AbortController();
    const port = await serve(() => stop.abort('cancelled'));
    expect(await post(`http://127.0.0.1:${port}/`, { signal: stop.signal })).toMatchObject({
      reason: 'aborted',
    });

    const { port: unseen, hits } = await canary();
    expect(await post(`http://127.0.0.1:${unseen}/`, { signal: stop.signal })).toMatchObject({
      reason: 'aborted',
    });
    expect(hits()).toBe(0);
  });

  it('reports an unknown name as a matter of DNS', async () => {
    expect(await post('http://nobody.example/', {}, {}, new Failing())).toEqual({
      ok: false,
      reason: 'dns',
      message: 'The host name nobody.example cannot be resolved (ENOTFOUND).',
    });
  });

  it('reports as values: nobody listening, a connection cut in mid-answer, no TLS, a malformed header', async () => {
    const { port: free } = await canary();
    servers.pop()!.close();
    const cutting = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': '100' }).write('half', () => response.destroy());
    });
    const { port: plain } = await canary();
    const network = (why: string) => ({
      ok: false,
      reason: 'network',
      message: expect.stringMatching(`^The request failed: ${why}\\.$`),
    });

    expect(await post(`http://127.0.0.1:${free}/`)).toEqual(network('ECONNREFUSED'));
    expect(await post(`http://localhost:${free}/`)).toEqual(network('ECONNREFUSED'));
    expect(await post(`http://127.0.0.1:${cutting}/`)).toEqual(network('UND_ERR_\\w+'));
    expect(await post(`https://127.0.0.1:${plain}/`)).toEqual(network('wrong version number'));
    const smuggled = { 'X-A': 'b\r\nX-C: d' };
    expect(await post(`http://127.0.0.1:${plain}/`, { headers: smuggled })).toEqual(network('TypeError'));
  });
});
