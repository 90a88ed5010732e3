import { Injectable, Logger } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { Clock } from '../common/clock.js';
import { Settings } from '../config/settings.js';
import { dialectOf } from '../database/portable-data-source.js';
import { execute, sqlClock } from '../database/statements.js';

/** A clock that is set by a second or less (NTP) takes no lease away. */
const JUMP_MS = 1_000;
/** Above this, what a person reads of times on two machines begins to confuse. */
const SKEW_MS = 5_000;

/**
 * Watches the clock that decides leases, the database's. Where it is set forward, or the machine slept, every lease seems
 * to have run out although its worker lives; after such a jump nobody is judged until each worker has had the time of a
 * lease to renew. And it says when this machine's clock is not the database's: leases do not care, readers do.
 */
@Injectable()
export class ClockWatch {
  private readonly logger = new Logger('Clock');
  private last: { databaseMs: number; askedAt: number } | null = null;
  private judgeFrom = -Infinity;
  private skew: number | null = null;
  private warned = false;

  constructor(
    private readonly settings: Settings,
    private readonly clock: Clock,
    @InjectDataSource() private readonly dataSource: DataSource,
  ) {}

  /** How far this process's clock is ahead of the database's; null before the first look, and where they are the same. */
  get skewMs(): number | null {
    return this.skew;
  }

  /** Looks at the clock. Ask this after the leases have been read: then no jump is missed in between. */
  async leasesCanBeJudged(): Promise<boolean> {
    await this.look();
    return performance.now() >= this.judgeFrom;
  }

  async look(): Promise<void> {
    const [askedAt, wallMs] = [performance.now(), this.clock.now().getTime()];
    const { rows } = await execute(
      this.dataSource.manager,
      `SELECT ${sqlClock(this.dataSource).epochMs} AS now`,
    );
    const databaseMs = Number(rows[0]['now']);
    const tookMs = performance.now() - askedAt;
    this.noticeJump(databaseMs, askedAt, tookMs);
    if (dialectOf(this.dataSource.options) === 'postgres')
      this.noticeSkew(wallMs + tookMs / 2 - databaseMs, tookMs / 2);
  }

  /** Only what cannot be explained by the time that the two questions took is a jump. */
  private noticeJump(databaseMs: number, askedAt: number, tookMs: number): void {
    const { last } = this;
    this.last = { databaseMs, askedAt };
    const jumpMs = last === null ? 0 : databaseMs - last.databaseMs - (askedAt + tookMs - last.askedAt);
    if (jumpMs <= JUMP_MS) return;
    const { leaseSeconds } = this.settings;
    this.judgeFrom = performance.now() + leaseSeconds * 1_000;
    this.logger.warn(
      `The clock of the database went ${seconds(jumpMs)} s forward: no worker is taken for dead in the next ${leaseSeconds} s`,
    );
  }

  private noticeSkew(skewMs: number, uncertainMs: number): void {
    this.skew = Math.round(skewMs);
    const isWrong = Math.abs(skewMs) - uncertainMs > SKEW_MS;
    if (isWrong && !this.warned) {
      const side = skewMs > 0 ? 'ahead of' : 'behind';
      this.logger.warn(
        `The clock of this machine is ${seconds(Math.abs(skewMs))} s ${side} that of the database. Leases and the times ` +
          'of tasks are those of the database; logs, traces and signatures of callbacks have the time of this machine. ' +
          'Let both ask the same time server.',
      );
    } else if (!isWrong && this.warned) this.logger.log('The clock of this machine is right again');
    this.warned = isWrong;
  }
}

function seconds(milliseconds: number): string {
  return (milliseconds / 1_000).toFixed(1);
}
