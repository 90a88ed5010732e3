import { AppError } from '../common/errors.js';

/** The door has no secret, so nobody can prove who he is. */
export function webhookClosed(what: string, remedy: string): AppError {
  const message = `No secret is configured for webhooks of ${what}: ${remedy}.`;
  return new AppError(403, 'WEBHOOK_NOT_CONFIGURED', message);
}

/** The signature is missing, wrong or too old. */
export function badSignature(why: string): AppError {
  return new AppError(401, 'WEBHOOK_SIGNATURE_INVALID', why);
}
