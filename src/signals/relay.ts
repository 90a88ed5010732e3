import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { isId, newId } from '../common/ids.js';
import { reconnectDelayMs } from './back-off.js';
import { type Broker, type BrokerConnection, reasonOf } from './broker.js';
import { Outbox } from './outbox.js';
import { isTopic, type Topic } from './topic.js';

const PROBE_INTERVAL_MS = 30_000;
const PROBE_TIMEOUT_MS = 5_000;
const STOP_GRACE_MS = 1_000;

/**
 * Takes hints to the other processes and brings theirs, for as long as the broker lives; when it dies, connects again, for
 * ever. A broker that is away costs latency, nothing else: the polls find what it would have told.
 *
 * A message is the id of the sending process and its topics, with spaces between them.
 */
export class Relay {
  private readonly logger = new Logger('Signals');
  private readonly id = newId();
  private readonly outbox = new Outbox((topics) => this.publish(topics));
  private readonly halt = new AbortController();
  private connection: BrokerConnection | null = null;
  private tell: (topic: Topic) => void = () => undefined;
  private echoed: () => void = () => undefined;
  private away = false;

  constructor(private readonly broker: Broker) {}

  /** Begins to connect and returns at once. @param tell is called with each topic that another process announced */
  start(tell: (topic: Topic) => void): void {
    this.tell = tell;
    void this.run();
  }

  /** Never throws, never waits. */
  send(topic: Topic): void {
    if (!this.halt.signal.aborted) this.outbox.add(topic);
  }

  /** Sends what was announced last and closes the connection, as far as a second allows. */
  async stop(): Promise<void> {
    this.halt.abort();
    const farewell = this.outbox.flush().then(() => this.connection?.close());
    await within(STOP_GRACE_MS, farewell);
  }

  private async run(): Promise<void> {
    const { signal } = this.halt;
    for (let failures = 0; !signal.aborted; failures += 1) {
      const reason = await this.connectOnce(() => (failures = 0)).catch(reasonOf);
      if (signal.aborted) return;
      this.lost(reason);
      await sleep(reconnectDelayMs(failures), undefined, { signal }).catch(() => undefined);
    }
  }

  /** One connection from its beginning to its end. @returns why it ended */
  private async connectOnce(proved: () => void): Promise<string> {
    const connection = await this.broker.connect((message) => this.receive(message));
    try {
      const problem = await this.probe(connection);
      if (problem !== null || this.halt.signal.aborted) return problem ?? 'stopped';
      proved();
      this.found(connection);
      return await this.watch(connection);
    } finally {
      this.connection = null;
      void connection.close();
    }
  }

  /**
   * A message to itself must come back. A LISTEN behind a transaction pooler, and a connection whose other end vanished
   * without a word, look like any other.
   *
   * @returns what is wrong
   */
  private async probe(connection: BrokerConnection): Promise<string | null> {
    const echo = new Promise<null>((resolve) => (this.echoed = () => resolve(null)));
    const answer = await within(
      PROBE_TIMEOUT_MS,
      connection.publish(this.id).then(() => echo, reasonOf),
    );
    return answer === undefined ? 'its messages do not come back' : answer;
  }

  /** Probes now and then. @returns why the connection ended */
  private async watch(connection: BrokerConnection): Promise<string> {
    let timer: NodeJS.Timeout | undefined;
    const failedProbe = new Promise<string>((resolve) => {
      timer = setInterval(() => {
        void this.probe(connection).then((problem) =>
          problem === null ? this.outbox.flush() : resolve(problem),
        );
      }, PROBE_INTERVAL_MS);
    });
    return Promise.race([connection.ended, failedProbe]).finally(() => clearInterval(timer));
  }

  private found(connection: BrokerConnection): void {
    this.connection = connection;
    this.away = false;
    this.logger.log(`Wake-ups between processes go through ${this.broker.name}`);
    void this.outbox.flush();
    // What was announced while nobody listened here.
    this.tell('work');
    this.tell('callbacks');
    this.tell('events');
    this.tell('agents');
  }

  private lost(reason: string): void {
    if (!this.away) {
      this.logger.warn(
        `${this.broker.name} does not carry wake-ups between processes: ${reason}. Until it does, what happens in ` +
          'other processes is noticed by polling only; trying again.',
      );
    }
    this.away = true;
  }

  private async publish(topics: readonly Topic[]): Promise<boolean> {
    if (this.connection === null) return false;
    const sent = this.connection.publish([this.id, ...topics].join(' '));
    return sent.then(
      () => true,
      () => false,
    );
  }

  private receive(message: string): void {
    const [sender, ...topics] = message.split(' ');
    if (sender === this.id) this.echoed();
    else if (isId(sender)) for (const topic of topics.filter(isTopic)) this.tell(topic);
  }
}

/** What the promise resolves to; undefined when the time is over first. */
function within<T>(milliseconds: number, promise: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), milliseconds);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
