import { isAbsolute, resolve } from 'node:path';
import { ConfigurationError } from '../config/settings.js';

export type Dialect = 'sqlite' | 'postgres';

/** Where the database is. `path` is absolute, or `:memory:`. */
export type DatabaseLocation = { dialect: 'sqlite'; path: string } | { dialect: 'postgres'; url: string };

/**
 * Understands the SQLAlchemy forms of DATABASE_URL: `sqlite:///relative`, `sqlite:////absolute`, `sqlite://` (memory),
 * `sqlite+<driver>:...`, `postgresql://`, `postgres://`, `postgresql+<driver>://`.
 *
 * @throws ConfigurationError that names what is understood, never the URL itself (it may hold a password)
 */
export function parseDatabaseUrl(url: string): DatabaseLocation {
  const match = /^(sqlite|postgres|postgresql)(?:\+[a-z0-9]+)?:(.*)$/is.exec(url);
  if (match === null) throw new ConfigurationError(['DATABASE_URL must begin with sqlite: or postgresql:']);
  const [, scheme, rest] = match as unknown as [string, string, string];
  if (scheme.toLowerCase() !== 'sqlite') return { dialect: 'postgres', url: `postgresql:${rest}` };
  if (rest === '//' || rest === '//:memory:' || rest === '///:memory:')
    return { dialect: 'sqlite', path: ':memory:' };
  if (!rest.startsWith('///') || rest.length === 3) {
    throw new ConfigurationError([
      'DATABASE_URL must be sqlite:///relative/path or sqlite:////absolute/path',
    ]);
  }
  const path = rest.slice(3);
  return { dialect: 'sqlite', path: isAbsolute(path) ? path : resolve(path) };
}
