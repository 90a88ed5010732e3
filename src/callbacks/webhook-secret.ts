import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { ConfigurationError, type Settings } from '../config/settings.js';

/** 24 to 64 bytes, as Standard Webhooks demands of a secret. */
const [BYTES_MIN, BYTES_MAX] = [24, 64];
const FORM = `whsec_ and the Base64 of ${BYTES_MIN} to ${BYTES_MAX} random bytes, e.g. from: echo "whsec_$(openssl rand -base64 32)"`;

/**
 * The secret that signs callbacks: JCT_WEBHOOK_SECRET, else what is in JCT_WEBHOOK_SECRET_FILE, which is made with a new
 * secret, readable by its owner only, when it does not exist. Processes that start together end with one secret: the
 * file appears whole, under its name, once.
 *
 * @throws ConfigurationError when it has not the form of a secret, or the file cannot be used
 */
export function webhookSecret(settings: Pick<Settings, 'webhookSecret' | 'webhookSecretFile'>): string {
  if (settings.webhookSecret !== undefined) {
    if (isSecret(settings.webhookSecret)) return settings.webhookSecret;
    throw new ConfigurationError([`JCT_WEBHOOK_SECRET must be ${FORM}`]);
  }
  const path = resolve(settings.webhookSecretFile);
  const secret = readOrMake(path);
  if (isSecret(secret)) return secret;
  throw new ConfigurationError([
    `JCT_WEBHOOK_SECRET_FILE ${path} must hold ${FORM}. Remove the file to have a new secret made; receivers then need the new one`,
  ]);
}

function readOrMake(path: string): string {
  try {
    try {
      return readFileSync(path, 'utf8').trim();
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
    }
    make(path);
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw new ConfigurationError([
      `JCT_WEBHOOK_SECRET_FILE ${path} cannot be used (${(error as Error).message}): ` +
        'name a file in a folder that this process may write, or set JCT_WEBHOOK_SECRET',
    ]);
  }
}

function make(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    const secret = `whsec_${randomBytes(32).toString('base64')}\n`;
    writeFileSync(temporary, secret, { mode: 0o600, flag: 'wx', flush: true });
    // A link, not a rename: whoever comes second must not replace the secret that the first one already signs with.
    linkSync(temporary, path);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
}

function isSecret(text: string): boolean {
  const base64 = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(text)?.[1];
  if (base64 === undefined || base64.length % 4 !== 0) return false;
  const bytes = Buffer.from(base64, 'base64').length;
  return bytes >= BYTES_MIN && bytes <= BYTES_MAX;
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
