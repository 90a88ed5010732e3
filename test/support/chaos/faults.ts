import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { PrivatePostgres } from '../postgres.mjs';
import type { Crew } from './crew.js';
import { Random } from './random.js';
import { type Fault, type FaultName, FAULTS } from './schedule.js';

/** Carries out a schedule: each fault at its time, those that last beside the others. */
export class Faults {
  readonly counts = new Map<FaultName, number>(FAULTS.map((name) => [name, 0]));
  private readonly random: Random;
  private databaseHalted = false;

  /** @param postgres null: the database is a file, and nothing happens to it */
  constructor(
    seed: number,
    private readonly crew: Crew,
    private readonly postgres: PrivatePostgres | null,
  ) {
    this.random = new Random(seed ^ 0xfa);
  }

  /** Resolves when everything is thawed and back. */
  async carryOut(schedule: readonly Fault[], startedAt: number): Promise<void> {
    const going: Promise<void>[] = [];
    for (const fault of schedule) {
      await delay(Math.max(0, startedAt + fault.atMs - performance.now()));
      going.push(
        this.strike(fault).then((hit) => {
          if (hit) this.counts.set(fault.name, this.counts.get(fault.name)! + 1);
        }),
      );
    }
    await Promise.all(going);
  }

  private strike({ name, share, forMs }: Fault): Promise<boolean> {
    switch (name) {
      case 'kill worker':
        return this.crew.kill('worker', share);
      case 'freeze worker':
        return this.crew.freeze('worker', share, forMs);
      case 'stop worker':
        return this.crew.stop('worker', share);
      case 'kill api':
        return this.crew.kill('api', share);
      case 'freeze api':
        return this.crew.freeze('api', share, forMs);
      case 'stop api':
        return this.crew.stop('api', share);
      case 'cut connections':
        return this.cutConnections();
      case 'crash database':
        return this.crashDatabase(forMs);
      default:
        return name satisfies never;
    }
  }

  /** Ends every third connection in the middle of whatever it does. */
  private async cutConnections(): Promise<boolean> {
    if (this.postgres === null || this.databaseHalted) return false;
    const client = new pg.Client({ connectionString: this.postgres.url });
    client.on('error', () => undefined);
    try {
      await client.connect();
      const { rows } = await client.query<{ pid: number }>(
        `SELECT pid FROM pg_stat_activity
         WHERE application_name LIKE 'control-tower%' AND pid <> pg_backend_pid() ORDER BY pid`,
      );
      const pids = rows.map(({ pid }) => pid).filter(() => this.random.chance(1 / 3));
      await client.query('SELECT pg_terminate_backend(pid) FROM unnest($1::int[]) AS pid', [pids]);
      return pids.length > 0;
    } catch {
      return false; // the database crashed meanwhile
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  private async crashDatabase(forMs: number): Promise<boolean> {
    if (this.postgres === null || this.databaseHalted) return false;
    this.databaseHalted = true;
    await this.postgres.halt('SIGQUIT');
    await delay(forMs);
    await this.postgres.start();
    this.databaseHalted = false;
    return true;
  }
}
