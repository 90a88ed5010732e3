/**
 * Preloaded into a tower (`NODE_OPTIONS=--import`): of its calls of fsync, fdatasync and rename, the one whose number stands
 * in the file FAILING_FS fails with EIO. Each call counts the number down; the calls after it work.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { fileURLToPath } from 'node:url';

const countdown = process.env.FAILING_FS;

function countDown(call) {
  const left = Number(readFileSync(countdown, 'utf8'));
  if (left < 1) return;
  writeFileSync(countdown, String(left - 1));
  if (left > 1) return;
  throw Object.assign(new Error(`EIO: i/o error, ${call}`), { code: 'EIO', errno: -5, syscall: call });
}

function failing(owner, name) {
  const real = owner[name];
  owner[name] = async function (...parameters) {
    countDown(name);
    return real.apply(this, parameters);
  };
}

const handle = await fs.open(fileURLToPath(import.meta.url));
const methods = Object.getPrototypeOf(handle);
await handle.close();
failing(methods, 'sync');
failing(methods, 'datasync');
failing(fs, 'rename');
syncBuiltinESMExports();
