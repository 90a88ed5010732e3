import { EventEmitter, once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger, type LoggerService } from '@nestjs/common';
import { newId } from '../../src/common/ids.js';
import { readSettings } from '../../src/config/settings.js';
import { signalsFor } from '../../src/signals/signals.module.js';
import { Signals } from '../../src/signals/signals.js';
import type { Topic } from '../../src/signals/topic.js';
import { RedisServer } from '../support/redis-server.js';
import { postgresBroker, redisBroker, redisMissing, type TestBroker } from '../support/signal-brokers.js';
import { Tower } from '../support/tower.js';

/** What the tower says while a test runs. */
class KeptLog extends EventEmitter implements LoggerService {
  readonly lines: string[] = [];
  readonly log = (text: unknown): void => this.keep(text);
  readonly warn = (text: unknown): void => this.keep(text);
  readonly error = (text: unknown): void => this.keep(text);

  async until(word: string): Promise<void> {
    while (!this.lines.some((line) => line.includes(word))) await once(this, 'line');
  }

  private keep(text: unknown): void {
    this.lines.push(String(text));
    this.emit('line');
  }
}

let said: KeptLog;
const processes: Signals[] = [];

beforeEach(() => {
  said = new KeptLog();
  // Before each test: a tower sets its own.
  Logger.overrideLogger(said);
});
afterEach(async () => {
  await stopProcesses();
});

async function stopProcesses(): Promise<void> {
  await Promise.all(processes.splice(0).map((signals) => signals.onApplicationShutdown()));
}

/** The signals of one more process; not connected yet. */
function begin(environment: Record<string, string>): Signals {
  const signals = signalsFor(readSettings(environment));
  processes.push(signals);
  signals.onApplicationBootstrap();
  return signals;
}

/** A connection is followed by `callbacks`: something may have been announced before. */
async function connected(environment: Record<string, string>): Promise<Signals> {
  const signals = begin(environment);
  await heard(signals, 'callbacks');
  return signals;
}

/** @returns after how many milliseconds */
function heard(signals: Signals, topic: Topic): Promise<number> {
  const since = performance.now();
  return new Promise((resolve) => {
    const unsubscribe = signals.on(topic, () => {
      unsubscribe();
      resolve(performance.now() - since);
    });
  });
}

function count(signals: Signals, topic: Topic): { times: number } {
  const counted = { times: 0 };
  signals.on(topic, () => (counted.times += 1));
  return counted;
}

describe.each([
  { name: 'PostgreSQL', create: postgresBroker, missing: null },
  { name: 'Redis', create: redisBroker, missing: redisMissing() },
])('signals through $name', ({ name, create, missing }) => {
  if (missing !== null) return void it.skip(`not tested: ${missing}`, () => undefined);

  let broker: TestBroker;
  beforeEach(async () => {
    broker = await create();
  });
  afterEach(async () => {
    await stopProcesses();
    await broker.remove();
  });

  const two = (): Promise<Signals[]> =>
    Promise.all([connected(broker.environment), connected(broker.environment)]);

  it('bring a hint to another process within a second', async () => {
    const [a, b] = await two();
    for (const topic of ['work', `cancel:${newId()}`, `settled:${newId()}`, `log:${newId()}`] as const) {
      const arrival = heard(b, topic);
      a.announce(topic);
      expect(await arrival).toBeLessThan(1_000);
    }
  });

  it('tell the announcing process once: what comes back is not announced again', async () => {
    const [a, b] = await two();
    const work = count(a, 'work');
    const marker: Topic = `settled:${newId()}`;
    const back = heard(a, marker);
    // Answered by the other process, so whatever would come back is before it on the channel.
    b.on('work', () => b.announce(marker));
    a.announce('work');
    expect(work.times).toBe(1);
    await back;
    expect(work.times).toBe(1);
  });

  it('bring every topic of a burst, and each once', async () => {
    const [a, b] = await two();
    const topics = Array.from({ length: 500 }, (): Topic => `settled:${newId()}`);
    const work = count(b, 'work');
    const arrivals = Promise.all(topics.map((topic) => heard(b, topic)));
    for (const topic of topics) {
      a.announce('work');
      a.announce(topic);
    }
    await arrivals;
    expect(work.times).toBe(1);
  });

  it('ignore what they do not understand', async () => {
    const a = await connected(broker.environment);
    const counts = [count(a, 'work'), count(a, 'callbacks')];
    const strange = [
      '',
      ' ',
      'work',
      '{"topics":["work"]}',
      'somebody work',
      `${newId()}  nonsense error log:../x`,
    ];
    for (const text of [...strange, newId(), `${newId()}work`, 'x'.repeat(7_000), '\u{1F600} work']) {
      await broker.publish(text);
    }
    const marker: Topic = `log:${newId()}`;
    const arrival = heard(a, marker);
    await broker.publish(`${newId()} what-a-later-version-says ${marker}`);
    await arrival;
    expect(counts).toEqual([{ times: 0 }, { times: 0 }]);
  });

  it('keep what is announced while there is no connection until there is one', async () => {
    const b = await connected(broker.environment);
    const a = begin(broker.environment);
    const early: Topic = `cancel:${newId()}`;
    const arrival = heard(b, early);
    a.announce(early);
    await arrival;
  });

  it('connect again when their connections are killed, look for work once, and deliver again', async () => {
    const [a, b] = await two();
    const counts = [count(b, 'work'), count(b, 'callbacks')];
    const again = Promise.all([heard(a, 'callbacks'), heard(b, 'callbacks')]);
    await broker.cut();
    await said.until('does not carry');
    await broker.restore();
    await again;
    expect(counts).toEqual([{ times: 1 }, { times: 1 }]);
    const afterwards: Topic = `settled:${newId()}`;
    const arrival = heard(b, afterwards);
    a.announce(afterwards);
    await arrival;
    const outages = said.lines.filter((text) => text.includes('does not carry wake-ups'));
    expect(outages).toHaveLength(2);
    expect(outages[0]).toContain(name);
  });

  it('let a worker begin what another process took in, and stop what is cancelled there, long before it would look', async () => {
    const { DATABASE_URL: url, ...rest } = broker.environment;
    const patient = { ...rest, JCT_POLL_INTERVAL_MS: '60000', JCT_HEARTBEAT_SECONDS: '30' };
    const door = await Tower.start(url, { ...patient, JCT_ROLE: 'api' });
    const worker = await Tower.start(url, { ...patient, JCT_ROLE: 'worker' });
    try {
      // More than one: the first may be found because the worker looks once when it has connected.
      for (let i = 0; i < 3; i += 1) {
        const task = await door.api.run({ type: 'test', payload: { script: 'true' } });
        expect(task.status).toBe('completed');
        expect(Date.parse(task.started_at) - Date.parse(task.created_at)).toBeLessThan(1_000);
      }
      const id = await door.api.accepted({ type: 'test', payload: { script: 'echo up; sleep 600' } });
      await heard(door.app.get(Signals), `log:${id}`);
      const askedAt = performance.now();
      await door.api.post(`/tasks/${id}/cancel`);
      expect((await door.api.ended(id)).status).toBe('cancelled');
      expect(performance.now() - askedAt).toBeLessThan(15_000);
    } finally {
      await door.stop();
      await worker.stop();
    }
  });
});

describe('signals without a broker', () => {
  it('stay in the process on SQLite', () => {
    const signals = begin({ DATABASE_URL: 'sqlite://' });
    const work = count(signals, 'work');
    signals.announce('work');
    expect(work.times).toBe(1);
    expect(said.lines).toEqual([]);
  });

  it('say so once, without the password, go on in the process, and end at once', async () => {
    const signals = begin({ REDIS_URL: `redis://me:hunter2@127.0.0.1:${await closedPort()}` });
    const work = count(signals, 'work');
    await said.until('does not carry');
    // Three more attempts, by the back-off.
    const another = once(said, 'line', { signal: AbortSignal.timeout(2_000) }).catch(() => 'nothing');
    signals.announce('work');
    expect(work.times).toBe(1);
    expect(await another).toBe('nothing');
    expect(said.lines).toEqual([
      expect.stringMatching(/^Redis \(REDIS_URL\) does not carry .*ECONNREFUSED.*polling only/),
    ]);
    expect(said.lines.join()).not.toContain('hunter2');
    const stoppedAt = performance.now();
    await stopProcesses();
    expect(performance.now() - stoppedAt).toBeLessThan(500);
  });
});

describe('a Redis in trouble', () => {
  // Of its own, whatever TEST_REDIS_URL names: it is killed.
  const missing = RedisServer.missing();
  if (missing !== null) return void it.skip(`not tested: ${missing}`, () => undefined);

  let server: RedisServer;
  beforeEach(async () => {
    server = await RedisServer.start();
  });
  afterEach(async () => {
    await stopProcesses();
    await server.kill();
  });

  it('is found when it comes after the tower', async () => {
    await server.kill();
    const signals = begin({ REDIS_URL: server.url });
    await said.until('does not carry');
    const found = heard(signals, 'work');
    await server.up();
    await found;
  });

  it('is reported when it lets the tower listen, but not publish', async () => {
    server.command('ACL', 'SETUSER', 'mute', 'on', '>secret', '&*', '+@all', '-publish');
    begin({ REDIS_URL: server.url.replace('//', '//mute:secret@') });
    await said.until('does not carry');
    expect(said.lines).toEqual([expect.stringMatching(/does not carry wake-ups.*NOPERM/)]);
    expect(said.lines.join()).not.toContain('secret');
  });

  it('keeps nobody waiting while it hangs, and the tower can end', async () => {
    const signals = await connected({ REDIS_URL: server.url });
    server.hang();
    const startedAt = performance.now();
    for (let i = 0; i < 10_000; i += 1) signals.announce(`settled:${newId()}`);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    await stopProcesses();
    expect(performance.now() - startedAt).toBeLessThan(3_000);
  });

  it('costs no task when it dies: the worker finds them by polling', async () => {
    const database = await postgresBroker();
    const { DATABASE_URL: url } = database.environment;
    const tower = await Tower.start(url, { REDIS_URL: server.url, JCT_POLL_INTERVAL_MS: '200' });
    const run = async () =>
      (await tower.api.run({ type: 'test', payload: { script: 'true' } })).status as string;
    try {
      expect(await run()).toBe('completed');
      await server.kill();
      expect(await Promise.all([run(), run(), run()])).toEqual(['completed', 'completed', 'completed']);
      expect((await tower.api.get('/healthz')).body).toEqual({ status: 'ok' });
    } finally {
      await tower.stop();
      await database.remove();
    }
  });
});

async function closedPort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
