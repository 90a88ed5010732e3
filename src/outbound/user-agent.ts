import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** `devops-control-tower/<version>`, from the nearest package.json above this file: it lies deeper in a build. */
export const USER_AGENT = `devops-control-tower/${productVersion(dirname(fileURLToPath(import.meta.url)))}`;

function productVersion(folder: string): string {
  const file = join(folder, 'package.json');
  if (!existsSync(file)) return productVersion(dirname(folder));
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
