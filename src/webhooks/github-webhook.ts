import { Injectable, type OnModuleInit } from '@nestjs/common';
import { verify } from '@octokit/webhooks-methods';
import { MalformedRequestError } from '../common/errors.js';
import type { JsonObject } from '../common/json.js';
import { Settings } from '../config/settings.js';
import type { NewEvent } from '../events/insert-events.js';
import { githubEvent } from './github-event.js';
import { githubSecret } from './github-secret.js';
import { badSignature, webhookClosed } from './webhook-error.js';

const NAME = /^[a-z][a-z0-9_]{0,63}$/;
const DELIVERY = /^[A-Za-z0-9-]{1,128}$/;

/** What GitHub sends, proved to come from somebody who knows the secret. */
@Injectable()
export class GithubWebhook implements OnModuleInit {
  private secret: string | null = null;

  constructor(private readonly settings: Settings) {}

  /** At start, so that a secret which cannot be used is not found out at the first delivery. @throws ConfigurationError */
  onModuleInit(): void {
    if (this.settings.role !== 'worker') this.secret = githubSecret(this.settings);
  }

  /**
   * @param header gives a header of the request
   * @param rawBody the bytes that were signed
   * @throws AppError WEBHOOK_NOT_CONFIGURED or WEBHOOK_SIGNATURE_INVALID, MalformedRequestError
   */
  async read(
    header: (name: string) => string | undefined,
    rawBody: Buffer | undefined,
    payload: JsonObject | undefined,
  ): Promise<NewEvent> {
    if (this.secret === null)
      throw webhookClosed(
        'GitHub',
        'set JCT_GITHUB_WEBHOOK_SECRET or JCT_GITHUB_WEBHOOK_SECRET_FILE, and the same secret at GitHub',
      );
    const signature = header('x-hub-signature-256');
    if (signature === undefined || rawBody === undefined || rawBody.length === 0)
      throw badSignature('A delivery of GitHub has a body and the header X-Hub-Signature-256.');
    // Compares in constant time. The body was read as UTF-8 without loss, else it would have been refused.
    if (!(await verify(this.secret, rawBody.toString('utf8'), signature)))
      throw badSignature(
        'X-Hub-Signature-256 does not fit the body: the secret at GitHub is not the one of this tower.',
      );
    const [name, delivery] = [header('x-github-event') ?? '', header('x-github-delivery') ?? ''];
    if (!NAME.test(name) || !DELIVERY.test(delivery)) {
      const message = 'A delivery of GitHub has the headers X-GitHub-Event and X-GitHub-Delivery.';
      throw new MalformedRequestError('MALFORMED_HEADER', message);
    }
    return {
      ...githubEvent(name, payload ?? {}),
      source: 'github',
      dedupId: delivery,
      causedBy: { kind: 'webhook', id: delivery },
      actor: 'webhook:github',
    };
  }
}
