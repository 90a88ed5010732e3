import { randomBytes } from 'node:crypto';
import { secretFromFile } from '../config/secret-file.js';
import { ConfigurationError, type Settings } from '../config/settings.js';

/** 24 to 64 bytes, as Standard Webhooks demands of a secret. */
const [BYTES_MIN, BYTES_MAX] = [24, 64];
const FORM = `whsec_ and the Base64 of ${BYTES_MIN} to ${BYTES_MAX} random bytes, e.g. from: echo "whsec_$(openssl rand -base64 32)"`;

/**
 * The secret that signs callbacks: JCT_WEBHOOK_SECRET, else what is in JCT_WEBHOOK_SECRET_FILE, which is made when
 * it does not exist.
 *
 * @throws ConfigurationError when it has not the form of a secret, or the file cannot be used
 */
export function webhookSecret(settings: Pick<Settings, 'webhookSecret' | 'webhookSecretFile'>): string {
  if (settings.webhookSecret !== undefined) {
    if (isSecret(settings.webhookSecret)) return settings.webhookSecret;
    throw new ConfigurationError([`JCT_WEBHOOK_SECRET must be ${FORM}`]);
  }
  const { webhookSecretFile: file } = settings;
  const fresh = (): string => `whsec_${randomBytes(32).toString('base64')}`;
  const secret = secretFromFile('JCT_WEBHOOK_SECRET_FILE', file, fresh);
  if (isSecret(secret)) return secret;
  throw new ConfigurationError([
    `JCT_WEBHOOK_SECRET_FILE ${file} must hold ${FORM}. Remove the file to have a new secret made; receivers then need the new one`,
  ]);
}

function isSecret(text: string): boolean {
  const base64 = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(text)?.[1];
  if (base64 === undefined || base64.length % 4 !== 0) return false;
  const bytes = Buffer.from(base64, 'base64').length;
  return bytes >= BYTES_MIN && bytes <= BYTES_MAX;
}
