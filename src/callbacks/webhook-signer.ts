import { Injectable } from '@nestjs/common';
import { Webhook } from 'standardwebhooks';
import { Settings } from '../config/settings.js';
import { webhookSecret } from './webhook-secret.js';

/** Signs what callbacks send, as Standard Webhooks describes; a receiver verifies it with that project's libraries. */
@Injectable()
export class WebhookSigner {
  private webhook: Webhook | null = null;

  constructor(private readonly settings: Settings) {}

  /** Reads or makes the secret; not before it is needed, since a process that only serves the API signs nothing. @throws ConfigurationError */
  open(): Webhook {
    this.webhook ??= new Webhook(webhookSecret(this.settings));
    return this.webhook;
  }

  headers(id: string, body: string, at: Date): Record<string, string> {
    return {
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
      'webhook-signature': this.open().sign(id, at, body),
    };
  }
}
