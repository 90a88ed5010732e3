import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ApiClient } from './api-client.js';
import { towerEnvironment } from './tower-environment.js';

const MAIN = resolve('dist/src/main.js');

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** The built tower as a process of its own, in a folder that several may share. Needs `npm run build`. */
export class TowerProcess {
  /** Everything that it said, standard error included. */
  log = '';
  /** How it ended; pending while it lives. */
  readonly ended: Promise<Exit>;
  private address: string | undefined;

  private constructor(private readonly child: ChildProcess) {
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => (this.log += text));
    }
    this.ended = once(child, 'close').then(([code, signal]) => ({ code, signal }));
  }

  /**
   * Starts it and does not wait.
   *
   * @param environment the whole of it, beside PATH
   * @param main another program that starts a tower and says so in the same words
   */
  static spawn(folder: string, environment: Record<string, string>, main = MAIN): TowerProcess {
    const env = { PATH: process.env['PATH'], ...environment };
    return new TowerProcess(
      spawn(process.execPath, [main], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] }),
    );
  }

  async started(): Promise<void> {
    const said = (start: string): string | undefined =>
      this.lines().find(({ context, message }) => context === 'Main' && message.startsWith(start))?.message;
    let dead = false;
    void this.ended.then(() => (dead = true));
    while (said('Database ') === undefined) {
      if (dead) throw new Error(`The tower ended:\n${this.log}`);
      await Promise.race([once(this.child.stdout!, 'data'), this.ended]);
    }
    this.address = /http:\S+/.exec(said('API http://') ?? '')?.[0];
  }

  get api(): ApiClient {
    if (this.address === undefined) throw new Error('This process has no API');
    return new ApiClient(this.address);
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** Its log so far; what is not a line of JSON is left out. */
  lines(): { context: string; message: string }[] {
    return this.log.split('\n').flatMap((line) => {
      try {
        const { context, message } = JSON.parse(line) as Record<string, unknown>;
        return [{ context: String(context), message: String(message) }];
      } catch {
        return [];
      }
    });
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  /** kill -9. Resolves when it is dead. */
  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.ended;
  }

  /** SIGTERM, and how it ended. */
  async stop(): Promise<Exit> {
    this.signal('SIGTERM');
    return this.ended;
  }
}

/** A temporary folder for towers, and the end of whatever was started in it. */
export class TowerYard {
  private readonly towers: TowerProcess[] = [];

  private constructor(readonly folder: string) {}

  static async open(): Promise<TowerYard> {
    return new TowerYard(await mkdtemp(join(tmpdir(), 'jct-yard-')));
  }

  /** A tower that serves, or works where its role has no API. @throws Error with its log when it ends instead */
  async start(environment: Record<string, string> = {}, main?: string): Promise<TowerProcess> {
    const tower = this.spawn({ LOG_LEVEL: 'info', ...environment }, main);
    await tower.started();
    return tower;
  }

  /** Starts it and does not wait. */
  spawn(environment: Record<string, string> = {}, main?: string): TowerProcess {
    const tower = TowerProcess.spawn(this.folder, towerEnvironment(this.folder, environment), main);
    this.towers.push(tower);
    return tower;
  }

  async close(): Promise<void> {
    await Promise.all(this.towers.map((tower) => tower.kill()));
    await rm(this.folder, { recursive: true, force: true });
  }
}
