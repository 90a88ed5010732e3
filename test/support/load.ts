import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { ApiClient } from './api-client.js';

/** A client that hands in tasks one after the other, asks again under the same key after a failure, and keeps count. */
export class Load {
  /** Ids of the tasks that were answered with 201 or 200. */
  readonly acknowledged = new Set<string>();
  /** Statuses of the answers that were not that; 0 when there was no answer. */
  readonly refused: { status: number; retryAfter: string | null }[] = [];
  private readonly ended: Promise<void>[];
  private going = true;
  private abandoned = false;

  /** @param clients each goes through the APIs in turn */
  constructor(
    private readonly apis: ApiClient[],
    private readonly body: () => object,
    clients: number,
    private readonly pauseMs = 20,
  ) {
    this.ended = Array.from({ length: clients }, () => this.client());
  }

  /** Resolves when each client has had its last answer. */
  async stop(): Promise<void> {
    this.going = false;
    await Promise.all(this.ended);
  }

  /** For the end of a test that failed: nobody asks again for what was not acknowledged. */
  abandon(): void {
    this.going = false;
    this.abandoned = true;
  }

  private async client(): Promise<void> {
    for (let turn = 0; this.going; turn += 1) {
      const task = { ...this.body(), idempotency_key: randomUUID() };
      // A task whose answer was lost is asked for again, as a careful client does; the last one is not given up either.
      while (!(await this.handIn(this.apis[turn % this.apis.length], task)) && !this.abandoned)
        await delay(200);
      await delay(this.pauseMs);
    }
  }

  private async handIn(api: ApiClient, task: object): Promise<boolean> {
    const answer = await api.enqueue(task).catch(() => undefined);
    if (answer?.status === 201 || answer?.status === 200) {
      this.acknowledged.add(answer.body.task_id as string);
      return true;
    }
    this.refused.push({
      status: answer?.status ?? 0,
      retryAfter: answer?.headers.get('retry-after') ?? null,
    });
    return false;
  }
}
