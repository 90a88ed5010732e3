import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Folder of the nearest package.json above this file: it lies deeper in a build. */
const PACKAGE_FOLDER = packageFolder(dirname(fileURLToPath(import.meta.url)));

export const VERSION = (JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { version: string })
  .version;

/** Absolute path of a file that comes with the package. */
export function packageFile(path: string): string {
  return join(PACKAGE_FOLDER, path);
}

function packageFolder(folder: string): string {
  return existsSync(join(folder, 'package.json')) ? folder : packageFolder(dirname(folder));
}
