import { setTimeout as delay } from 'node:timers/promises';
import type { ApiClient } from '../api-client.js';
import type { Fleet } from '../fleet.js';
import type { TowerProcess } from '../tower-process.js';

export type Role = 'api' | 'worker';

interface Post {
  role: Role;
  /** null while it is started anew. */
  tower: TowerProcess | null;
  /** Alone these can be hit: not what is frozen, or ends already. */
  sound: boolean;
}

/** After SIGTERM: the grace, the patience of callbacks, and time for a machine that does other things too. */
const STOP_PATIENCE_MS = 60_000;

const DATABASE_AWAY =
  /ECONNREFUSED|ECONNRESET|Connection terminated|terminating connection|starting up|shutting down|database is locked/;

/** Processes of a fleet on posts that are never given up: what ends is replaced, as a supervisor would. */
export class Crew {
  /** What nobody did to them: a process that ended by itself, or did not stop when told to. */
  readonly incidents: string[] = [];
  readonly kills: { pid: number; at: number }[] = [];
  readonly towers: TowerProcess[] = [];
  private readonly posts: Post[] = [];
  private readonly ends: Promise<void>[] = [];
  private going = true;

  constructor(private readonly fleet: Fleet) {}

  async man(role: Role, count: number): Promise<void> {
    const posts = Array.from({ length: count }, (): Post => ({ role, tower: null, sound: false }));
    this.posts.push(...posts);
    await Promise.all(posts.map((post) => this.fill(post)));
  }

  get apis(): ApiClient[] {
    return this.posts.flatMap(({ role, tower }) => (role === 'api' && tower !== null ? [tower.api] : []));
  }

  /** @returns whether there was one to be hit */
  async kill(role: Role, share: number): Promise<boolean> {
    return this.hit(role, share, async (tower) => {
      this.kills.push({ pid: tower.pid, at: Date.now() });
      await tower.kill();
    });
  }

  async stop(role: Role, share: number): Promise<boolean> {
    return this.hit(role, share, (tower) => this.dismiss(tower, role));
  }

  async freeze(role: Role, share: number, forMs: number): Promise<boolean> {
    return this.hit(role, share, async (tower, post) => {
      tower.signal('SIGSTOP');
      await delay(forMs);
      tower.signal('SIGCONT');
      post.sound = true;
    });
  }

  /** Resolves when every post is manned. */
  async complete(): Promise<void> {
    while (this.posts.some(({ tower, sound }) => tower === null || !sound)) await delay(50);
  }

  /** SIGTERM to all; from now on nothing is replaced. */
  async disband(): Promise<void> {
    this.going = false;
    for (const post of this.posts) post.sound = false;
    const manned = this.posts.flatMap(({ tower, role }) =>
      tower === null ? [] : [this.dismiss(tower, role)],
    );
    await Promise.all(manned);
    await Promise.all(this.ends);
  }

  private async hit(
    role: Role,
    share: number,
    strike: (tower: TowerProcess, post: Post) => Promise<void>,
  ): Promise<boolean> {
    const sound = this.posts.filter((post) => post.role === role && post.sound);
    if (sound.length === 0) return false;
    const post = sound[Math.floor(share * sound.length)];
    post.sound = false;
    await strike(post.tower!, post);
    return true;
  }

  private async dismiss(tower: TowerProcess, role: Role): Promise<void> {
    const exit = await Promise.race([tower.stop(), delay(STOP_PATIENCE_MS, null, { ref: false })]);
    if (exit?.code === 0) return;
    const how = exit === null ? 'did not end in a minute' : `ended with ${exit.code ?? exit.signal}`;
    this.incidents.push(`${role} ${tower.pid} was told to stop and ${how}:\n${tower.log.slice(-3_000)}`);
    await tower.kill();
  }

  private async fill(post: Post): Promise<void> {
    while (this.going) {
      const tower = await this.fleet[post.role]().catch((error: unknown) => this.notStarted(error));
      if (tower === null) {
        await delay(500);
        continue;
      }
      this.towers.push(tower);
      post.tower = tower;
      post.sound = true;
      this.ends.push(this.replace(post, tower));
      return;
    }
  }

  private async replace(post: Post, tower: TowerProcess): Promise<void> {
    const { code, signal } = await tower.ended;
    // Who is hit is no longer sound.
    if (post.sound)
      this.incidents.push(
        `${post.role} ${tower.pid} ended by itself (${code ?? signal}):\n${tower.log.slice(-3_000)}`,
      );
    post.sound = false;
    post.tower = null;
    await this.fill(post);
  }

  /** A process that loses its database while it starts ends at once, and its supervisor tries again. */
  private notStarted(error: unknown): null {
    if (!DATABASE_AWAY.test(String(error)))
      this.incidents.push(`A process did not start: ${String(error).slice(0, 3_000)}`);
    return null;
  }
}
