import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { isId, newId } from '../common/ids.js';
import { dialectOf } from '../database/portable-data-source.js';
import { execute, hydrate, type SqlClock, sqlClock } from '../database/statements.js';
import { Signals } from '../signals/signals.js';
import { type CallbackAttempt, CallbackEntity } from '../tasks/callback.entity.js';

/** Well over the 20 s that a request may take: an attempt whose process died is made again after this. */
const LEASE_SECONDS = 60;

/** Attempts that are kept: two and a half times all there are without somebody asking for more. */
const HISTORY_MAX = 20;

/** A callback that was just claimed: whoever has its lease id records how the attempt ends. */
export type ClaimedCallback = CallbackEntity & { leaseId: string };

/** Stored callbacks and their states. Guarded statements, as in TaskQueue: no row means that somebody else was first. */
@Injectable()
export class CallbackQueue {
  private readonly clock: SqlClock;
  private readonly skipLocked: string;

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly signals: Signals,
  ) {
    this.clock = sqlClock(dataSource);
    this.skipLocked = dialectOf(dataSource.options) === 'postgres' ? 'FOR UPDATE SKIP LOCKED' : '';
  }

  /**
   * Takes the callback that has been due for longest, leaving out those for the given hosts. One claimant gets it,
   * whatever number of processes claim at once. A claim that is not settled within a minute may be claimed by others.
   */
  async claim(exceptHosts: readonly string[]): Promise<ClaimedCallback | null> {
    const except = exceptHosts.map((_, index) => `$${index + 3}`).join(', ');
    const claimed = await this.change(
      `UPDATE callbacks SET attempt = attempt + 1, lease_id = $1, next_attempt_at = ${this.clock.after('$2')}
       WHERE id = (SELECT id FROM callbacks WHERE status = 'pending' AND next_attempt_at <= ${this.clock.now}
                     ${except === '' ? '' : `AND host NOT IN (${except})`}
                   ORDER BY next_attempt_at, id LIMIT 1 ${this.skipLocked})
       RETURNING *`,
      [newId(), LEASE_SECONDS, ...exceptHosts],
    );
    return claimed as ClaimedCallback | null;
  }

  /**
   * Records the end of an attempt: delivered, due again later, or dead.
   *
   * @param againSeconds when an attempt that failed is made again; null: never
   * @returns the callback; null when the lease was lost, and nothing was recorded
   */
  async settle(
    callback: ClaimedCallback,
    attempt: CallbackAttempt,
    againSeconds: number | null,
  ): Promise<CallbackEntity | null> {
    const history = JSON.stringify([...callback.history, attempt].slice(-HISTORY_MAX));
    const settled = (changes: string, ...parameters: unknown[]): Promise<CallbackEntity | null> =>
      this.change(
        `UPDATE callbacks SET lease_id = NULL, history = $3, ${changes} WHERE id = $1 AND lease_id = $2 RETURNING *`,
        [callback.id, callback.leaseId, history, ...parameters],
      );
    if (attempt.error === null) {
      return settled(`status = 'delivered', delivered_at = ${this.clock.now}, next_attempt_at = NULL`);
    }
    return againSeconds === null
      ? settled(`status = 'dead', next_attempt_at = NULL`)
      : settled(`next_attempt_at = ${this.clock.after('$4')}`, againSeconds);
  }

  /** Gives back what was claimed, as if it had not been: due at once, for whoever comes next. */
  async release({ id, leaseId }: ClaimedCallback): Promise<void> {
    await this.change(
      `UPDATE callbacks SET lease_id = NULL, attempt = attempt - 1, next_attempt_at = ${this.clock.now}
       WHERE id = $1 AND lease_id = $2 RETURNING *`,
      [id, leaseId],
    );
  }

  /** Makes a callback that was delivered, or is dead, due again with all its attempts. @returns null when there is none such */
  async redeliver(id: string): Promise<CallbackEntity | null> {
    if (!isId(id)) return null;
    const due = await this.change(
      `UPDATE callbacks SET status = 'pending', attempt = 0, next_attempt_at = ${this.clock.now}, delivered_at = NULL
       WHERE id = $1 AND status IN ('delivered', 'dead') RETURNING *`,
      [id],
    );
    if (due !== null) this.signals.announce('callbacks');
    return due;
  }

  async find(id: string): Promise<CallbackEntity | null> {
    return isId(id) ? this.dataSource.manager.findOneBy(CallbackEntity, { id }) : null;
  }

  /** Oldest first: one for each time that the task ended. */
  ofTask(taskId: string): Promise<CallbackEntity[]> {
    return this.dataSource.manager.find(CallbackEntity, { where: { taskId }, order: { id: 'ASC' } });
  }

  private async change(sql: string, parameters: unknown[]): Promise<CallbackEntity | null> {
    const { rows } = await execute(this.dataSource.manager, sql, parameters);
    return rows[0] === undefined
      ? null
      : hydrate<CallbackEntity>(this.dataSource.getMetadata(CallbackEntity), rows[0]);
  }
}
