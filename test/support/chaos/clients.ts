import { setTimeout as delay } from 'node:timers/promises';
import type { Answer, ApiClient } from '../api-client.js';
import type { WorkItem } from './work.js';

/** A client that got no answer within it asks again elsewhere; the first request may still be carried out. */
const PATIENCE_MS = 3_000;

/** More than this is no accident: the run is given up. */
const ODD_MAX = 50;

/** Hands in the work through whichever APIs live, asks again under the same key until it is acknowledged, and cancels. */
export class Clients {
  /** By idempotency key, every id that was ever answered. */
  readonly acknowledged = new Map<string, Set<string>>();
  /** Answers to POST /tasks/{id}/cancel that decided something: 200 with the status of the task, or 409. */
  readonly cancels = new Map<string, { status: number; state: string }>();
  /** Ids of tasks for which a cancellation was sent, whether or not it was answered. */
  readonly cancelAsked = new Set<string>();
  /** Answers that no client should ever get. */
  readonly odd: string[] = [];
  /** Requests that were answered with 503, or not at all. */
  unanswered = 0;
  private readonly cancelling: Promise<void>[] = [];

  constructor(
    private readonly apis: () => ApiClient[],
    private readonly startedAt: number,
  ) {}

  /** Resolves when everything was acknowledged, and every cancellation answered. */
  async handInAll(items: readonly WorkItem[], clients: number): Promise<void> {
    let next = 0;
    const client = async (): Promise<void> => {
      while (next < items.length) await this.handIn(items[next++]);
    };
    await Promise.all(Array.from({ length: clients }, client));
    await Promise.all(this.cancelling);
  }

  private async handIn(item: WorkItem): Promise<void> {
    await delay(Math.max(0, this.startedAt + item.atMs - performance.now()));
    const answer = await this.untilAnswered(
      (api) => api.enqueue(item.body()),
      ({ status, body }) => {
        if (status !== 200 && status !== 201) return false;
        const ids = this.acknowledged.get(item.idempotencyKey) ?? new Set();
        this.acknowledged.set(item.idempotencyKey, ids.add(body.task_id as string));
        return true;
      },
    );
    if (item.cancelAfterMs !== null)
      this.cancelling.push(this.cancel(answer.body.task_id as string, item.cancelAfterMs));
  }

  private async cancel(id: string, afterMs: number): Promise<void> {
    await delay(afterMs);
    this.cancelAsked.add(id);
    await this.untilAnswered(
      (api) => api.post(`/tasks/${id}/cancel`),
      ({ status, body }) => {
        if (status !== 200 && status !== 409) return false;
        this.cancels.set(id, { status, state: (body.status ?? '') as string });
        return true;
      },
    );
  }

  /** @param accept whether this was the answer; called for late ones too */
  private async untilAnswered(
    ask: (api: ApiClient) => Promise<Answer>,
    accept: (answer: Answer) => boolean,
  ): Promise<Answer> {
    for (let turn = 0; ; turn += 1) {
      const apis = this.apis();
      const api = apis[(turn + this.acknowledged.size) % Math.max(1, apis.length)] as ApiClient | undefined;
      const asked = api === undefined ? Promise.resolve(null) : ask(api).catch(() => null);
      const judged = asked.then((answer) => this.judge(answer, accept));
      const answer = await Promise.race([judged, delay(PATIENCE_MS, null)]);
      if (answer !== null) return answer;
      this.unanswered += 1;
      await delay(200);
    }
  }

  private judge(answer: Answer | null, accept: (answer: Answer) => boolean): Answer | null {
    if (answer === null || answer.status === 503) return null;
    if (accept(answer)) return answer;
    this.odd.push(`An API answered ${answer.status}: ${JSON.stringify(answer.body).slice(0, 500)}`);
    if (this.odd.length > ODD_MAX) throw new Error(this.odd.join('\n'));
    return null;
  }
}
