import { readFileSync } from 'node:fs';

/** Version of the package: the same file is found from src and from dist. */
export const VERSION = packageVersion();

function packageVersion(): string {
  for (const path of ['../../package.json', '../../../package.json']) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as Record<
        string,
        string
      >;
      if (name === 'devops-control-tower' && version !== undefined) return version;
    } catch {
      // Not at this depth.
    }
  }
  return '0.0.0';
}
