import { AppError } from '../common/errors.js';

/** 403: the door has no secret, so nobody can prove who he is. */
export class WebhookClosedError extends AppError {
  constructor(what: string, remedy: string) {
    super(403, 'WEBHOOK_NOT_CONFIGURED', `No secret is configured for webhooks of ${what}: ${remedy}.`);
  }
}

/** 401: the signature is missing, wrong or too old. */
export class WebhookSignatureError extends AppError {
  constructor(why: string) {
    super(401, 'WEBHOOK_SIGNATURE_INVALID', why);
  }
}
