// Stands for a deployment: builds, starts what was built once, and writes down what is where now. A real one would hand
// the package to a registry or to machines here.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const {
  JCT_ENVIRONMENT: environment = 'nowhere',
  JCT_COMMIT: commit = 'unknown',
  JCT_ARTIFACTS_DIR: destination = '.',
} = process.env;

await import('./build.js');
const { totalCents } = await import('../dist/index.js');
if (typeof totalCents !== 'function') throw new Error('What was built does not start');
writeFileSync(
  join(destination, `release-${environment}.json`),
  `${JSON.stringify({ environment, commit }, null, 2)}\n`,
);
console.log(`Deployed ${commit} to ${environment}`);
