import { setTimeout as delay } from 'node:timers/promises';
import { type Mutex, type MutexInterface, E_TIMEOUT, withTimeout } from 'async-mutex';
import type { QueryFailedError } from 'typeorm';
import { BetterSqlite3QueryRunner } from 'typeorm/driver/better-sqlite3/BetterSqlite3QueryRunner.js';
import type { BetterSqlite3Driver } from 'typeorm/driver/better-sqlite3/BetterSqlite3Driver.js';

/** How long a statement waits for the write lock of another process, and how often it looks. */
const BUSY_MS = 5_000;
const BUSY_LOOK_MS = 20;

/** How long a statement waits for the transaction before it. Transactions hold no network or process work: 30 s is a bug. */
const WAIT_MS = 30_000;

/**
 * A runner of its own for every caller over the one SQLite connection. While one caller's transaction is open, the
 * statements of all others wait, first come first served: TypeORM's shared runner would let them join that transaction,
 * and lose them, although acknowledged, when it rolls back (typeorm#1884; proved by test/integration/transactions).
 */
export class SqliteQueryRunner extends BetterSqlite3QueryRunner {
  private readonly gate: MutexInterface;
  private letGo: (() => void) | null = null;

  constructor(driver: BetterSqlite3Driver, gate: Mutex) {
    super(driver);
    this.gate = withTimeout(gate, WAIT_MS);
  }

  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- TypeORM declares the rows of a raw query so
  override async query(sql: string, parameters: unknown[] = [], structured = false): Promise<any> {
    if (this.letGo !== null) return super.query(sql, parameters, structured);
    const deadline = performance.now() + BUSY_MS;
    const letGo = await this.enter();
    try {
      return await this.whenNotBusy(deadline, () => super.query(sql, parameters, structured));
    } finally {
      letGo();
    }
  }

  override async startTransaction(): Promise<void> {
    if (this.letGo !== null) return super.startTransaction();
    const deadline = performance.now() + BUSY_MS;
    this.letGo = await this.enter();
    try {
      await this.whenNotBusy(deadline, async () => {
        this.isTransactionActive = false;
        await super.startTransaction();
      });
    } catch (error) {
      this.isTransactionActive = false;
      this.leave();
      throw error;
    }
  }

  /**
   * Waits for another process without blocking this one: SQLite's own busy timeout would stop the event loop, and with
   * it heartbeats and every other request. Inside a transaction nothing is ever busy, since it began with the write lock.
   *
   * @param deadline counts from when the caller came: of a hundred that queue for the same lock, each waits once
   */
  private async whenNotBusy<T>(deadline: number, work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        const { code } = ((error as QueryFailedError).driverError ?? error) as { code?: string };
        if (code !== 'SQLITE_BUSY' || performance.now() > deadline) throw error;
        await delay(BUSY_LOOK_MS * (0.5 + Math.random()));
      }
    }
  }

  override async commitTransaction(): Promise<void> {
    await super.commitTransaction();
    if (!this.isTransactionActive) this.leave();
  }

  override async rollbackTransaction(): Promise<void> {
    try {
      await super.rollbackTransaction();
    } catch (error) {
      // On a full or failing disk SQLite takes the transaction back by itself. The others must not wait for its end then.
      if (!(error as Error).message.includes('no transaction is active')) throw error;
      this.isTransactionActive = false;
    } finally {
      if (!this.isTransactionActive) this.leave();
    }
  }

  /** A runner that is given back in the middle of its transaction takes that back. */
  override async release(): Promise<void> {
    if (this.isTransactionActive) await this.rollbackTransaction();
    this.leave();
    return super.release();
  }

  private async enter(): Promise<() => void> {
    try {
      return await this.gate.acquire();
    } catch (error) {
      if (error !== E_TIMEOUT) throw error;
      throw Object.assign(new Error('database is locked by a transaction of this process'), {
        code: 'SQLITE_BUSY',
      });
    }
  }

  private leave(): void {
    this.letGo?.();
    this.letGo = null;
  }
}
