import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** ReadyForQuery, as PostgreSQL ends its answer to a new connection. */
const READY = Buffer.from('Z\0\0\0\x05I', 'latin1');

/** A way to a PostgreSQL on which things happen to the packets. */
export class PostgresProxy {
  /** New connections: the server's last word follows in the packet that completes them. */
  breaking = false;
  private heldText: string | null = null;
  private tellHeld: () => void = () => undefined;
  private readonly stopped: Socket[] = [];

  private constructor(private readonly server: Server) {}

  static async before(databaseUrl: string): Promise<{ proxy: PostgresProxy; url: string }> {
    const url = new URL(databaseUrl);
    const target = { host: url.hostname, port: Number(url.port || 5432) };
    const server = createServer((client) => proxy.join(client, connect(target)));
    const proxy = new PostgresProxy(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    url.hostname = '127.0.0.1';
    url.port = String((server.address() as AddressInfo).port);
    return { proxy, url: url.href };
  }

  /** The next statement with this text is carried out, and its answer kept back. Resolves when it was passed on. */
  holdAnswerTo(text: string): Promise<void> {
    this.heldText = text;
    return new Promise((resolve) => (this.tellHeld = resolve));
  }

  /** What was kept back goes on. */
  release(): void {
    for (const upstream of this.stopped.splice(0)) upstream.resume();
  }

  close(): void {
    this.server.close();
  }

  private join(client: Socket, upstream: Socket): void {
    client.on('data', (chunk: Buffer) => {
      if (this.heldText !== null && chunk.includes(this.heldText)) {
        this.heldText = null;
        this.stopped.push(upstream.pause());
        this.tellHeld();
      }
      upstream.write(chunk);
    });
    upstream.on('data', (chunk: Buffer) => {
      const breaks = this.breaking && chunk.subarray(-READY.length).equals(READY);
      client.write(breaks ? Buffer.concat([chunk, terminating()]) : chunk);
      if (breaks) client.end();
    });
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ]) {
      one.on('close', () => other.destroy()).on('error', () => other.destroy());
    }
  }
}

/** ErrorResponse: what pg_terminate_backend, or a shutdown, makes a backend say. */
function terminating(): Buffer {
  const message = 'terminating connection due to administrator command';
  const fields = Buffer.from(`SFATAL\0VFATAL\0C57P01\0M${message}\0\0`);
  const head = Buffer.from('E\0\0\0\0', 'latin1');
  head.writeInt32BE(fields.length + 4, 1);
  return Buffer.concat([head, fields]);
}
