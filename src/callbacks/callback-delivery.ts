import { Injectable, Logger } from '@nestjs/common';
import { Clock } from '../common/clock.js';
import { OutboundClient, type OutboundResponse } from '../outbound/outbound-client.js';
import type { CallbackEntity } from '../tasks/callback.entity.js';
import { nextAttemptSeconds } from './backoff.js';
import { CallbackQueue, type ClaimedCallback } from './callback-queue.js';
import { WebhookSigner } from './webhook-signer.js';

/** One attempt at one callback: signed, sent through the outbound guard, recorded. */
@Injectable()
export class CallbackDelivery {
  private readonly logger = new Logger('Callbacks');

  constructor(
    private readonly clock: Clock,
    private readonly signer: WebhookSigner,
    private readonly client: OutboundClient,
    private readonly queue: CallbackQueue,
  ) {}

  /** Never rejects. What cannot be recorded is sent again when its lease has run out, under the same id. */
  async deliver(callback: ClaimedCallback, signal: AbortSignal): Promise<void> {
    try {
      const at = this.clock.now();
      const startedMs = performance.now();
      const response = await this.send(callback, at, signal);
      if (!response.ok && response.reason === 'aborted') return await this.queue.release(callback);
      const attempt = {
        at: at.toISOString(),
        status_code: response.ok ? response.status : null,
        error: errorOf(response),
        duration_ms: Math.round(performance.now() - startedMs),
      };
      const againSeconds = nextAttemptSeconds(callback.attempt, response.ok ? response : null);
      const settled = await this.queue.settle(callback, attempt, againSeconds);
      if (settled?.status === 'dead') this.warnDead(settled);
    } catch (error) {
      this.logger.warn(
        `The attempt at callback ${callback.id} could not be recorded, it is made again: ${(error as Error).message}`,
      );
    }
  }

  private send({ id, url, body }: CallbackEntity, at: Date, signal: AbortSignal): Promise<OutboundResponse> {
    const headers = { 'content-type': 'application/json', ...this.signer.headers(id, body, at) };
    return this.client.post({ url, headers, body, signal });
  }

  private warnDead({ id, taskId, host, attempt, history }: CallbackEntity): void {
    this.logger.warn(
      `Callback ${id} of task ${taskId} to ${host} is dead after ${attempt} attempts (${history.at(-1)?.error ?? ''}); ` +
        `POST /callbacks/${id}/redeliver sends it again`,
    );
  }
}

/** Why an answer, or the lack of one, is no delivery; null for 2xx. */
function errorOf(response: OutboundResponse): string | null {
  if (!response.ok) return `${response.reason}: ${response.message}`;
  const { status } = response;
  if (status >= 200 && status < 300) return null;
  return status >= 300 && status < 400
    ? `The receiver answered ${status}: redirects are not followed, give the final URL.`
    : `The receiver answered ${status} instead of 2xx.`;
}
