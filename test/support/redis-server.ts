import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';

/** A private Redis on a free loopback port that keeps nothing. Needs `redis-server` in PATH. */
export class RedisServer {
  private child: ChildProcess;

  private constructor(private readonly port: number) {}

  /** Why there is none here; null when there is. */
  static missing(): string | null {
    try {
      execFileSync('redis-server', ['--version'], { stdio: 'ignore' });
      return null;
    } catch {
      return 'redis-server is not in PATH';
    }
  }

  static async start(): Promise<RedisServer> {
    const server = new RedisServer(await freePort());
    await server.up();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Listens on the port that it had before. */
  async up(): Promise<void> {
    const options = { port: this.port, bind: '127.0.0.1', save: '', appendonly: 'no', dir: '/' };
    const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
    this.child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let log = '';
    while (!log.includes('Ready to accept connections')) {
      const [text] = (await once(this.child.stdout!, 'data')) as [Buffer];
      log += text.toString();
    }
    this.child.stdout!.resume();
  }

  /** SIGKILL ends it without a word, SIGSTOP lets it hang. Resolves when it is dead. */
  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const dead = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await dead;
  }

  hang(): void {
    this.child.kill('SIGSTOP');
  }

  command(...args: string[]): string {
    return execFileSync('redis-cli', ['-p', String(this.port), ...args], { encoding: 'utf8' });
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
