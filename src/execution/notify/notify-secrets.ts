import type { NotifyPayload } from './notify.payload.js';

/** Names that carry credentials; also a cookie, and `sig` as in Azure's signed URLs. */
const SECRET_NAME = /auth|cookie|credential|key|pass|pwd|secret|session|sig|token|^code$/i;

/**
 * The parts of a notification that let somebody else send in its name: credentials in headers and in the query, each
 * also in the spelling in which the URL carries it. Of a Slack-like URL the path itself is the credential.
 */
export function notifySecrets({ url, headers, format }: NotifyPayload): string[] {
  const { pathname, search } = new URL(url);
  const secrets = Object.entries(headers ?? {})
    .filter(([name]) => SECRET_NAME.test(name))
    // `Bearer abc` is a secret, and so is `abc`.
    .flatMap(([, value]) => [value, value.replace(/^\S+\s+/, '')]);

  for (const pair of search.slice(1).split('&')) {
    const [[name, value] = ['', '']] = new URLSearchParams(pair);
    if (SECRET_NAME.test(name)) secrets.push(value, pair.split('=').slice(1).join('='));
  }
  if (format === 'slack' && pathname.length > 1) secrets.push(pathname.slice(1));
  return [...new Set(secrets)].filter((secret) => secret !== '');
}
