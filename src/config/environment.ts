import { existsSync, readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { readSettings, type Settings } from './settings.js';

/**
 * The one door to the environment: `process.env` over the file `.env` of the working directory.
 *
 * @throws ConfigurationError
 */
export function settingsFromEnvironment(): Settings {
  const file = existsSync('.env') ? parseEnv(readFileSync('.env', 'utf8')) : {};
  return readSettings({ ...file, ...process.env });
}

/** The search path and language of this process, for the clean environment of a command. */
export function inheritedEnvironment(): { PATH: string; LANG: string } {
  return {
    PATH: process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin',
    LANG: process.env['LANG'] ?? 'C.UTF-8',
  };
}
