import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { isId, newId } from '../common/ids.js';
import { reconnectDelayMs } from './back-off.js';
import type { Broker, BrokerConnection } from './broker.js';
import { Outbox } from './outbox.js';
import { isTopic, type Topic } from './topic.js';

const PROBE_INTERVAL_MS = 30_000;
const PROBE_TIMEOUT_MS = 5_000;
const STOP_GRACE_MS = 1_000;

/**
 * Takes hints to the other processes and brings theirs, for as long as the broker lives; connects again for ever when it
 * does not. A broker that is away costs latency, nothing else: the polls find what it would have told.
 *
 * A message is the id of the sending process and its topics, divided by spaces.
 */
export class Relay {
  private readonly logger = new Logger('Signals');
  private readonly id = newId();
  private readonly outbox = new Outbox((topics) => this.publish(topics));
  private readonly halt = new AbortController();
  private connection: BrokerConnection | null = null;
  private tell: (topic: Topic) => void = () => undefined;
  private echoed: () => void = () => undefined;
  private reported = false;

  constructor(private readonly broker: Broker) {}

  /** Begins to connect and returns at once. @param tell is called for every topic that another process announced */
  start(tell: (topic: Topic) => void): void {
    this.tell = tell;
    void this.run();
  }

  /** Never throws, never waits. */
  send(topic: Topic): void {
    if (!this.halt.signal.aborted) this.outbox.add(topic);
  }

  /** Sends what is left, as far as that is possible within a second. */
  async stop(): Promise<void> {
    const farewell = this.outbox.flush().then(() => this.connection?.close());
    await Promise.race([farewell, sleep(STOP_GRACE_MS, undefined, { ref: false })]);
    this.halt.abort();
  }

  private async run(): Promise<void> {
    let failures = 0;
    while (!this.halt.signal.aborted) {
      const reason = await this.connectOnce(() => (failures = 0));
      if (this.halt.signal.aborted) return;
      this.report(reason);
      await this.pause(reconnectDelayMs(failures));
      failures += 1;
    }
  }

  /** One connection from its beginning to its end. @returns why it ended */
  private async connectOnce(proved: () => void): Promise<string> {
    let connection: BrokerConnection | undefined;
    try {
      connection = await this.broker.connect((message) => this.receive(message));
      for (let probes = 0; !this.halt.signal.aborted; probes += 1) {
        ...
      }
    } catch (error) {
      return (error as Error).message;
    } finally {
      this.connection = null;
      await connection?.close()
    }
  }
}
