import { createClient } from '@redis/client';
import { type Broker, type BrokerConnection, reasonOf } from './broker.js';

/** Redis has one set of channels for all its databases: towers that share a Redis, but not a database, wake each other in vain. */
const CHANNEL = 'jct_signals';

const CONNECT_TIMEOUT_MS = 10_000;

/** Publish/subscribe of Redis 6 or newer, over one connection. */
export class RedisBroker implements Broker {
  readonly name = 'Redis (REDIS_URL)';

  constructor(private readonly url: string) {}

  async connect(received: (message: string) => void): Promise<BrokerConnection> {
    const client = createClient({
      url: this.url,
      name: 'control-tower-signals',
      // Its predecessor cannot publish over a connection that has subscribed.
      RESP: 3,
      maintNotifications: 'disabled',
      disableOfflineQueue: true,
      // Connecting again is the business of the relay.
      socket: { connectTimeout: 5_000, reconnectStrategy: false },
    });
    const ended = new Promise<string>((resolve) => {
      client.on('error', (error: unknown) => resolve(reasonOf(error)));
      client.on('end', () => resolve('the connection was closed'));
    });
    // The client itself would wait for ever for a server that takes the connection and says nothing.
    const deadline = setTimeout(() => client.destroy(), CONNECT_TIMEOUT_MS);
    try {
      await client.connect();
      await client.subscribe(CHANNEL, received);
    } catch (error) {
      client.destroy();
      throw error;
    } finally {
      clearTimeout(deadline);
    }
    return {
      ended,
      publish: async (message) => void (await client.publish(CHANNEL, message)),
      close: () => Promise.resolve(client.destroy()),
    };
  }
}
