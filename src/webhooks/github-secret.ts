import { randomBytes } from 'node:crypto';
import { secretFromFile } from '../config/secret-file.js';
import { ConfigurationError, type Settings } from '../config/settings.js';

/** A shorter one could be guessed from one signed message, at leisure. */
const CHARACTERS_MIN = 16;

/**
 * The secret that GitHub signs with: JCT_GITHUB_WEBHOOK_SECRET, else what is in JCT_GITHUB_WEBHOOK_SECRET_FILE, which is
 * made when it does not exist; null when neither is set.
 *
 * @throws ConfigurationError when it is too short, or the file cannot be used
 */
export function githubSecret(
  settings: Pick<Settings, 'githubWebhookSecret' | 'githubWebhookSecretFile'>,
): string | null {
  const { githubWebhookSecret, githubWebhookSecretFile: file } = settings;
  if (githubWebhookSecret !== undefined) return longEnough('JCT_GITHUB_WEBHOOK_SECRET', githubWebhookSecret);
  if (file === undefined) return null;
  const name = 'JCT_GITHUB_WEBHOOK_SECRET_FILE';
  return longEnough(
    `${name} ${file}`,
    secretFromFile(name, file, () => randomBytes(32).toString('hex')),
  );
}

function longEnough(name: string, secret: string): string {
  if (secret.length >= CHARACTERS_MIN) return secret;
  throw new ConfigurationError([
    `${name} must hold at least ${CHARACTERS_MIN} characters, e.g. from: openssl rand -hex 32`,
  ]);
}
