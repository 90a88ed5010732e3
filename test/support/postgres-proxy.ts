import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** What is wanted of one connection: when all these texts were sent over it, in their order, the answer is lost. */
interface Trap {
  texts: string[];
  sprung: () => void;
}

/** ReadyForQuery, as PostgreSQL ends its answer to a new connection. */
const READY = Buffer.from('Z\0\0\0\x05I', 'latin1');

/** A network between the tower and PostgreSQL that can fail in ways in which a server cannot. */
export class PostgresProxy {
  /** New connections: the server's last word follows in the packet that completes them. */
  breaking = false;
  private readonly sockets = new Set<Socket>();
  private readonly held: { near: Socket; far: Socket }[] = [];
  private server: Server;
  private reachable = true;
  private trap: Trap | null = null;
  private hold: Trap | null = null;

  private constructor(private readonly target: URL) {}

  static async before(url: string): Promise<PostgresProxy> {
    const proxy = new PostgresProxy(new URL(url));
    proxy.server = createServer((near) => proxy.accept(near)).listen(0, '127.0.0.1');
    await once(proxy.server, 'listening');
    return proxy;
  }

  get url(): string {
    const url = new URL(this.target);
    url.port = String((this.server.address() as AddressInfo).port);
    return url.href;
  }

  /** Over the connections of now nothing arrives any more, in no direction, and none is closed. New ones work. */
  swallow(): void {
    for (const socket of this.sockets) socket.unpipe().pause();
  }

  /** As swallow(), and new connections are accepted, but lead nowhere. */
  cut(): void {
    this.reachable = false;
    this.swallow();
  }

  /** New connections work again; those that were swallowed stay as they are. */
  mend(): void {
    this.reachable = true;
  }

  /**
   * Lets PostgreSQL do what the last of these texts asks for, once; then the connection breaks instead of its answer
   * coming through. Resolves when that has happened.
   */
  loseAnswerTo(...texts: string[]): Promise<void> {
    return new Promise((sprung) => (this.trap = { texts, sprung }));
  }

  /** The next statement with this text is carried out, and its answer kept back. Resolves when it was passed on. */
  holdAnswerTo(text: string): Promise<void> {
    return new Promise((sprung) => (this.hold = { texts: [text], sprung }));
  }

  /** What was kept back goes on. */
  release(): void {
    for (const { near, far } of this.held.splice(0)) far.pipe(near);
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  private accept(near: Socket): void {
    this.keep(near);
    if (!this.reachable) return;
    const far = this.keep(connect(Number(this.target.port), this.target.hostname));
    let sent = 0;
    near.on('data', (data: Buffer) => {
      if (this.hold !== null && data.includes(this.hold.texts[0])) {
        far.unpipe(near).pause();
        this.held.push({ near, far });
        this.hold.sprung();
        this.hold = null;
      }
      if (this.trap === null) return;
      const { texts, sprung } = this.trap;
      if (!data.includes(texts[sent])) return;
      sent += 1;
      if (sent < texts.length) return;
      this.trap = null;
      far.unpipe().once('data', () => {
        near.destroy();
        far.destroy();
        sprung();
      });
      far.resume();
    });
    near.pipe(far);
    if (this.breaking) breakWhenReady(near, far);
    else far.pipe(near);
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ])
      socket.once('close', () => other.destroy());
  }

  private keep(socket: Socket): Socket {
    this.sockets.add(socket);
    socket.on('error', () => undefined);
    return socket.once('close', () => this.sockets.delete(socket));
  }
}

function breakWhenReady(near: Socket, far: Socket): void {
  far.on('data', (chunk: Buffer) => {
    const breaks = chunk.subarray(-READY.length).equals(READY);
    near.write(breaks ? Buffer.concat([chunk, terminating()]) : chunk);
    if (breaks) near.end();
  });
}

/** ErrorResponse: what pg_terminate_backend, or a shutdown, makes a backend say. */
function terminating(): Buffer {
  const message = 'terminating connection due to administrator command';
  const fields = Buffer.from(`SFATAL\0VFATAL\0C57P01\0M${message}\0\0`);
  const head = Buffer.from('E\0\0\0\0', 'latin1');
  head.writeInt32BE(fields.length + 4, 1);
  return Buffer.concat([head, fields]);
}
