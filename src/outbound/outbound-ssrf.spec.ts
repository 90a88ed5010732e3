import { once } from 'node:events';
import type { LookupAddress } from 'node:dns';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Test } from '@nestjs/testing';
import { ConfigModule } from '../config/config.module.js';
import { readSettings } from '../config/settings.js';
import { OutboundClient, type OutboundRequest, type OutboundResponse } from './outbound-client.js';
import { OutboundGuard } from './outbound-guard.js';
import { OutboundModule } from './outbound.module.js';
import { Resolver } from './resolver.js';

const OPEN = { JCT_ALLOW_PRIVATE_TARGETS: 'true' };

/** Answers a name with the next of the given lists, the last one for ever; counts how often it was asked. */
class Answers extends Resolver {
  asked = 0;
  constructor(private readonly answers: string[][]) {
    super();
  }

  override resolve(): Promise<LookupAddress[]> {
    const addresses = this.answers[Math.min(this.asked++, this.answers.length - 1)];
    return Promise.resolve(addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })));
  }
}

describe('OutboundClient as a way into the inner network', () => {
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
    return { outbound: module.get(OutboundClient), guard: module.get(OutboundGuard) };
  }

  async function post(
    url: string,
    more: Partial<OutboundRequest> = {},
    env: Record<string, string> = OPEN,
    resolver?: Resolver,
  ): Promise<OutboundResponse> {
    const { outbound } = await client(env, resolver);
    return outbound.post({ url, headers: {}, body: 'hello', timeoutMs: 5_000, ...more });
  }

  describe('when private targets are not allowed', () => {
    const TRICKS = [
      'http://127.0.0.1:PORT/',
      'http://127.0.0.1.:PORT/',
      'http://127.1:PORT/',
      'http://127.0.1:PORT/',
      'http://2130706433:PORT/',
      'http://0x7f000001:PORT/',
      'http://0x7F.1:PORT/',
      'http://0x7f.0x0.0x0.0x1:PORT/',
      'http://017700000001:PORT/',
      'http://0177.0.0.01:PORT/',
      'http://127.255.255.254:PORT/',
      'http://0:PORT/',
      'http://0.0.0.0:PORT/',
      'http://[::]:PORT/',
      'http://[::1]:PORT/',
      'http://[0:0:0:0:0:0:0:1]:PORT/',
      'http://[::ffff:127.0.0.1]:PORT/',
      'http://[::ffff:7f00:1]:PORT/',
      'http://[::127.0.0.1]:PORT/',
      'http://[64:ff9b::127.0.0.1]:PORT/',
      'http://[2002:7f00:1::]:PORT/',
      'http://localhost:PORT/',
      'http://LOCALHOST:PORT/',
      'http://localhost.:PORT/',
      'http://%6cocalhost:PORT/',
      'http://local\u00adhost:PORT/',
      'http://tower.localhost:PORT/',
      'http://①②⑦.⓪.⓪.①:PORT/',
      'http://127。0。0。1:PORT/',
      'http://127%2e0%2e0%2e1:PORT/',
      'http:127.0.0.1:PORT/',
      'http:\\\\127.0.0.1:PORT\\',
      'http://\t127.0.0.1:PORT/',
      'http://user:pass@127.0.0.1:PORT/',
      'http://example.com@127.0.0.1:PORT/',
      'http://127.0.0.1:PORT#@example.com/',
      'ftp://127.0.0.1:PORT/',
      'http://169.254.169.254/latest/meta-data/',
      'http://metadata.google.internal/computeMetadata/v1/',
      'http://printer.local/',
      'http://10.0.0.1/',
      'http://[fd00:ec2::254]/',
    ];

    it.each(TRICKS)('never reaches %s', async (trick) => {
      const { port, hits } = await canary();
      const url = trick.replace('PORT', String(port));
      expect(await post(url, {}, {})).toMatchObject({ ok: false, reason: 'blocked' });
      expect(hits()).toBe(0);
    });

    it.each(TRICKS.slice(0, 15))(
      'would have reached the canary by %s: the trick is a real one',
      async (trick) => {
        const { port, hits } = await canary();
        expect(await post(trick.replace('PORT', String(port)))).toMatchObject({
          ok: true,
          bodyStart: 'secret',
        });
        expect(hits()).toBeGreaterThan(0);
      },
    );

    it.each([[['127.0.0.1']], [['8.8.8.8', '127.0.0.1']], [['::ffff:127.0.0.1']], [['::']]])(
      'never reaches a name that has the addresses %j',
      async (addresses) => {
        const { port, hits } = await canary();
        const answer = await post(`http://hooks.example:${port}/`, {}, {}, new Answers([addresses]));
        expect(answer).toMatchObject({
          ok: false,
          reason: 'blocked',
          message: expect.stringContaining('hooks.example'),
        });
        expect(hits()).toBe(0);
      },
    );

    it('never reaches a name that was public when it was checked and is loopback when it is used', async () => {
      const { port, hits } = await canary();
      const { outbound, guard } = await client({}, new Answers([['8.8.8.8'], ['127.0.0.1']]));
      const url = `http://rebind.example:${port}/`;
      expect(guard.checkUrl(url)).toBeNull();
      expect(await guard.checkResolved('rebind.example')).toMatchObject({ ok: true });

      expect(await outbound.post({ url, headers: {}, body: '' })).toMatchObject({
        ok: false,
        reason: 'blocked',
      });
      expect(hits()).toBe(0);
    });
  });

  it('connects to the very address that was checked: the name is resolved once a request', async () => {
    const { port, hits } = await canary();
    const resolver = new Answers([['127.0.0.1'], ['192.0.2.1']]);
    const answer = await post(`http://hooks.example:${port}/`, {}, OPEN, resolver);
    expect(answer).toMatchObject({ ok: true });
    expect(resolver.asked).toBe(1);
    expect(hits()).toBeGreaterThan(0);
  });

  it('checks again for each request: no connection outlives its check', async () => {
    const { port } = await canary();
    const resolver = new Answers([['127.0.0.1']]);
    const { outbound } = await client(OPEN, resolver);
    for (const body of ['1', '2', '3']) {
      await outbound.post({ url: `http://hooks.example:${port}/`, headers: {}, body });
    }
    expect(resolver.asked).toBe(3);
  });

  it.each([301, 302, 303, 307, 308])(
    'gives a redirect %d as it is and does not follow it',
    async (status) => {
      const { port, hits } = await canary();
      const redirecting = await serve((_request, response) => {
        response.writeHead(status, { location: `http://127.0.0.1:${port}/` }).end();
      });
      expect(await post(`http://127.0.0.1:${redirecting}/`)).toMatchObject({ ok: true, status });
      expect(hits()).toBe(0);
    },
  );
});
