import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Injectable, Logger } from '@nestjs/common';
import { Webhook, WebhookVerificationError } from 'standardwebhooks';
import { ValidationError } from '../common/errors.js';
import type { JsonObject } from '../common/json.js';
import { Settings } from '../config/settings.js';
import { isEventType } from '../events/event-types.js';
import type { NewEvent } from '../events/insert-events.js';
import { badSignature, webhookClosed } from './webhook-error.js';

const SOURCE = /^[a-z0-9][a-z0-9-]{0,63}$/;

/** Webhooks that are signed as Standard Webhooks describes; every sender has a secret of its own. */
@Injectable()
export class SignedWebhook {
  private readonly logger = new Logger('Webhooks');

  constructor(private readonly settings: Settings) {}

  /**
   * The event `<source>.<type of the message>`: a sender speaks under its own name only, and cannot pass for the tower.
   *
   * @param rawBody the bytes that were signed
   * @throws AppError WEBHOOK_NOT_CONFIGURED or WEBHOOK_SIGNATURE_INVALID, ValidationError
   */
  async read(
    source: string,
    headers: Record<string, string>,
    rawBody: Buffer | undefined,
    body: JsonObject | undefined,
  ): Promise<NewEvent> {
    const webhook = await this.verifierOf(source);
    try {
      webhook.verify(rawBody ?? Buffer.alloc(0), headers);
    } catch (error) {
      if (!(error instanceof WebhookVerificationError)) throw error;
      throw badSignature(`The message cannot be verified: ${error.message}.`);
    }
    const id = headers['webhook-id'];
    const type = `${source}.${typeof body?.['type'] === 'string' ? body['type'] : 'message'}`;
    if (!isEventType(type)) {
      const message = `${source}.<type> must be a type of events: words of letters, digits, "_" and "-", with dots between them, at most 100 characters`;
      throw new ValidationError([{ pointer: '/type', code: 'EVENT_TYPE', message }]);
    }
    return {
      type,
      source: `webhook:${source}`,
      data: body ?? {},
      dedupId: id.slice(0, 255),
      causedBy: { kind: 'webhook', id: id.slice(0, 255) },
      actor: `webhook:${source}`,
    };
  }

  /** Reads the secret each time: a new sender, or a new secret, needs no restart. */
  private async verifierOf(source: string): Promise<Webhook> {
    const remedy = `put its secret (whsec_ and Base64) into a file of that name in the folder JCT_INBOUND_WEBHOOK_SECRET_DIR`;
    const closed = webhookClosed(`"${source.slice(0, 64)}"`, remedy);
    const folder = this.settings.inboundWebhookSecretDir;
    if (folder === undefined || !SOURCE.test(source)) throw closed;
    try {
      return new Webhook((await readFile(join(folder, source), 'utf8')).trim());
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT' && code !== 'ENOTDIR')
        this.logger.warn(`The secret of webhooks from ${source} cannot be used: ${message}`);
      throw closed;
    }
  }
}
