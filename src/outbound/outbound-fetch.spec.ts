import { once } from 'node:events';
import type { LookupAddress } from 'node:dns';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { readSettings } from '../config/settings.js';
import { OutboundFetch, OutboundRefusal } from './outbound-fetch.js';
import { OutboundGuard } from './outbound-guard.js';
import { Resolver } from './resolver.js';

class Answering extends Resolver {
  constructor(private readonly answer: () => Promise<LookupAddress[]>) {
    super();
  }
  override resolve(): Promise<LookupAddress[]> {
    return this.answer();
  }
}

const INNER = new Answering(() => Promise.resolve([{ address: '127.0.0.1', family: 4 }]));

describe('OutboundFetch', () => {
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) {
      server.close();
      server.closeAllConnections();
    }
  });

  async function serve(listener: RequestListener): Promise<number> {
    const server = createServer(listener).listen(0, '127.0.0.1');
    servers.push(server);
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }

  function guarded(open: boolean, resolver: Resolver = new Resolver()): typeof fetch {
    const settings = readSettings({ JCT_ALLOW_PRIVATE_TARGETS: String(open) });
    return new OutboundFetch(new OutboundGuard(settings, resolver)).fetch;
  }

  it('sends what it is given under the name of the tower, and gives status, headers and body', async () => {
    const port = await serve((request, response) => {
      const { method, headers } = request;
      request.on('data', (body: Buffer) =>
        response.writeHead(418, { 'retry-after': '7' }).end(
          JSON.stringify({
            method,
            agent: headers['user-agent'],
            own: headers['x-own'],
            body: body.toString(),
          }),
        ),
      );
    });
    const init = { method: 'POST', headers: { 'X-Own': 'a', 'User-Agent': 'b' }, body: 'c' };
    const response = await guarded(true)(`http://127.0.0.1:${port}/`, init);
    expect([response.status, response.headers.get('retry-after')]).toEqual([418, '7']);
    expect(await response.json()).toEqual({
      method: 'POST',
      agent: expect.stringMatching(/^devops-control-tower\//),
      own: 'a',
      body: 'c',
    });
  });

  it.each([
    ['a literal address', 'http://127.0.0.1:1/', undefined],
    ['a name that leads to one', 'http://model.example:1/', INNER],
  ])('refuses %s of the inner network', async (_, url, resolver) => {
    await expect(guarded(false, resolver)(url)).rejects.toThrow(OutboundRefusal);
  });

  it('follows no redirect', async () => {
    const port = await serve((_, response) =>
      response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
    );
    expect((await guarded(true)(`http://127.0.0.1:${port}/`)).status).toBe(302);
  });

  it('fails as fetch does where nobody answers, and for an answer without end', async () => {
    const port = await serve((_, response) => {
      response.writeHead(200);
      const chunk = Buffer.alloc(1_048_576);
      const more = (): void => {
        if (!response.destroyed) response.write(chunk, () => setImmediate(more));
      };
      more();
    });
    await expect(guarded(true)(`http://127.0.0.1:${port}/`)).rejects.toThrow('fetch failed');
    await expect(guarded(true)('http://127.0.0.1:9/')).rejects.toThrow('fetch failed');
  });

  it('ends when it is called off, also while the name is being resolved', async () => {
    let asked = (): void => undefined;
    const resolving = new Promise<void>((resolve) => (asked = resolve));
    const silent = new Answering(() => {
      asked();
      return new Promise(() => undefined);
    });
    const off = new AbortController();
    const answer = guarded(true, silent)('http://model.example/', { signal: off.signal });
    await resolving;
    off.abort(new Error('called off'));
    await expect(answer).rejects.toThrow('called off');
  });
});
