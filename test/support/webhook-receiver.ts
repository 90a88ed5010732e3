import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ReceivedWebhook {
  id: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** A receiver of callbacks on a free loopback port: keeps everything that came, answers as told. */
export class WebhookReceiver {
  readonly received: ReceivedWebhook[] = [];
  /** Answers a request that was read to its end; 204 unless changed. */
  answer: (response: ServerResponse, webhook: ReceivedWebhook) => unknown = (response) =>
    response.writeHead(204).end();
  private readonly arrivals = new EventEmitter();
  private server: Server;
  private port = 0;

  static async listening(): Promise<WebhookReceiver> {
    const receiver = new WebhookReceiver();
    await receiver.up();
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/hook`;
  }

  get ids(): string[] {
    return this.received.map(({ id }) => id);
  }

  /** Listens on the port that it had before. */
  async up(): Promise<void> {
    this.server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        const webhook = { id: String(request.headers['webhook-id']), headers: request.headers, body };
        this.received.push(webhook);
        this.arrivals.emit('webhook');
        this.answer(response, webhook);
      });
    }).listen(this.port, '127.0.0.1');
    await once(this.server, 'listening');
    this.port = (this.server.address() as AddressInfo).port;
  }

  async down(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** Resolves when at least `count` requests have come since the beginning. */
  async until(count: number): Promise<void> {
    while (this.received.length < count) await once(this.arrivals, 'webhook');
  }
}
