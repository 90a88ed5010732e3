import { TowerYard, type TowerProcess } from './tower-process.js';

/** A worker that dies is noticed within 8 s: the lease, and a look every second. */
export const SHORT_LEASE = {
  JCT_LEASE_SECONDS: '6',
  JCT_HEARTBEAT_SECONDS: '2',
  JCT_REAP_INTERVAL_SECONDS: '1',
};

/** A worker that dies is noticed within 3 s, and what nobody announced is found within 0.2 s. */
export const QUICK_LEASE = {
  JCT_LEASE_SECONDS: '2',
  JCT_HEARTBEAT_SECONDS: '1',
  JCT_REAP_INTERVAL_SECONDS: '1',
  JCT_POLL_INTERVAL_MS: '200',
};

/** Several towers on one database and one trace root, each a process of its own. */
export class Fleet {
  private constructor(
    private readonly yard: TowerYard,
    private readonly environment: Record<string, string>,
  ) {}

  static async open(databaseUrl: string, environment: Record<string, string> = {}): Promise<Fleet> {
    return new Fleet(await TowerYard.open(), { DATABASE_URL: databaseUrl, ...environment });
  }

  get folder(): string {
    return this.yard.folder;
  }

  api(environment: Record<string, string> = {}): Promise<TowerProcess> {
    return this.yard.start({ ...this.environment, JCT_ROLE: 'api', ...environment });
  }

  worker(environment: Record<string, string> = {}): Promise<TowerProcess> {
    return this.yard.start({ ...this.environment, JCT_ROLE: 'worker', ...environment });
  }

  /** As worker(), without waiting: it may not live until its start is over. */
  spawnWorker(environment: Record<string, string> = {}): TowerProcess {
    return this.yard.spawn({ ...this.environment, JCT_ROLE: 'worker', ...environment });
  }

  close(): Promise<void> {
    return this.yard.close();
  }
}
