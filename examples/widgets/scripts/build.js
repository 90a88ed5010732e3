// Copies the sources to dist/, says there what they were made from, loads the result once, and packs it. The same commit
// gives the same bytes: neither a time nor a path goes in.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const { name, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
// Both are given by the control tower; outside of it, the package lands beside this project.
const { JCT_COMMIT: commit = 'unknown', JCT_ARTIFACTS_DIR: destination = root } = process.env;

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist);
cpSync(join(root, 'src'), dist, { recursive: true });
writeFileSync(join(dist, 'build-info.json'), `${JSON.stringify({ name, version, commit }, null, 2)}\n`);
console.log(`Built ${name} ${version} from ${commit}`);

const exported = Object.keys(await import('../dist/index.js'));
console.log(`It exports ${exported.join(', ')}`);

const packed = execFileSync('npm', ['pack', '--silent', '--pack-destination', destination], { cwd: root });
console.log(`Packed ${packed.toString().trim()}`);
