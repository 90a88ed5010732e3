import { EventEmitter, once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger, type LoggerService } from '@nestjs/common';
import { readSettings } from '../../src/config/settings.js';
import type { Signals } from '../../src/signals/signals.js';
import { signalsFor } from '../../src/signals/signals.module.js';
import { postgresBroker, redisBroker, redisMissing, type TestBroker } from '../support/signal-brokers.js';

/** A network in front of a broker, which may swallow everything without closing a connection. */
class Network {
  private readonly sockets: Socket[] = [];
  private server: Server;
  /** Whether new connections reach the broker. */
  open = true;

  static async to(url: string): Promise<Network> {
    const network = new Network();
    const { hostname, port } = new URL(url);
    network.server = createServer((near) => {
      network.sockets.push(near.on('error', () => undefined));
      if (!network.open) return;
      const far = connect(Number(port), hostname).on('error', () => undefined);
      network.sockets.push(far);
      near.pipe(far).pipe(near);
    }).listen(0, '127.0.0.1');
    await once(network.server, 'listening');
    return network;
  }

  through(url: string): string {
    const changed = new URL(url);
    changed.port = String((this.server.address() as AddressInfo).port);
    return changed.href;
  }

  /** The connections of now stay open, but nothing arrives any more. */
  swallow(): void {
    for (const socket of this.sockets) socket.unpipe().pause();
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }
}

class Lines extends EventEmitter implements LoggerService {
  readonly log = (text: unknown): void => void this.emit('line', text);
  readonly warn = this.log;
  readonly error = this.log;
}

describe.each([
  { create: postgresBroker, name: 'PostgreSQL', setting: 'DATABASE_URL', missing: null },
  { create: redisBroker, name: 'Redis', setting: 'REDIS_URL', missing: redisMissing() },
] as const)('a $name that says nothing', ({ create, setting, missing }) => {
  if (missing !== null) return void it.skip(`not tested: ${missing}`, () => undefined);

  let broker: TestBroker;
  let network: Network;
  let signals: Signals;
  let said: Lines;

  beforeEach(async () => {
    said = new Lines();
    Logger.overrideLogger(said);
    broker = await create();
    const url = broker.environment[setting];
    network = await Network.to(url);
    signals = signalsFor(readSettings({ ...broker.environment, [setting]: network.through(url) }));
  });
  afterEach(async () => {
    await signals.onApplicationShutdown();
    network.close();
    await broker.remove();
  });

  it('is noticed within 40 s, though no connection was closed, and found again', async () => {
    const found = once(said, 'line');
    signals.onApplicationBootstrap();
    expect(await found).toEqual([expect.stringContaining('go through')]);
    const noticed = once(said, 'line', { signal: AbortSignal.timeout(40_000) });
    network.swallow();
    expect(await noticed).toEqual([expect.stringContaining('does not carry')]);
    expect(await once(said, 'line')).toEqual([expect.stringContaining('go through')]);
  });

  it('is noticed within 12 s when it takes the first connection', async () => {
    network.open = false;
    const noticed = once(said, 'line', { signal: AbortSignal.timeout(12_000) });
    signals.onApplicationBootstrap();
    expect(await noticed).toEqual([expect.stringContaining('does not carry')]);
  });
});
