import { SETTINGS } from '../src/config/settings-table.js';

/**
 * The environment of the demo's tower: the user's without any setting of a tower, so that the demo never touches a
 * database, a folder or a key that somebody works with.
 */
export function towerEnvironment(): NodeJS.ProcessEnv {
  const settings = new Set<string>(Object.values(SETTINGS).map((setting) => setting.env));
  const rest = Object.entries(process.env).filter(
    ([name]) => !settings.has(name) && !name.startsWith('JCT_'),
  );
  return { ...Object.fromEntries(rest), API_PORT: '0', LOG_FORMAT: 'json' };
}

/** The environment of git: neither the user's configuration nor a repository that the demo is started in. */
export function gitEnvironment(home: string): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], HOME: home, GIT_CONFIG_NOSYSTEM: '1', LC_ALL: 'C' };
}

/** Whether the terminal can move its cursor. */
export function isTerminalCapable(): boolean {
  return process.stdout.isTTY && process.env['TERM'] !== 'dumb';
}
