import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { ConfigurationError } from './settings.js';

/**
 * The secret in a file, which is made with a fresh one, readable by its owner only, when it does not exist. Processes that
 * start together end with one secret: the file appears whole, under its name, once.
 *
 * @param setting name of the setting that names the file, for messages
 * @throws ConfigurationError when the file can neither be read nor made
 */
export function secretFromFile(setting: string, file: string, fresh: () => string): string {
  const path = resolve(file);
  try {
    return read(path) ?? makeAndRead(path, fresh);
  } catch (error) {
    throw new ConfigurationError([
      `${setting} ${path} cannot be used (${(error as Error).message}): name a file in a folder that this process may write`,
    ]);
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function makeAndRead(path: string, fresh: () => string): string {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    writeFileSync(temporary, `${fresh()}\n`, { mode: 0o600, flag: 'wx', flush: true });
    // A link, not a rename: whoever comes second must not replace the secret that the first one already uses.
    linkSync(temporary, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
  return readFileSync(path, 'utf8').trim();
}
