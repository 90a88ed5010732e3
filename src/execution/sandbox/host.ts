import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';

export type Isolation = 'bubblewrap' | 'process';

/** Programs of the host that confine a run; looked for in the system's directories only: those exist in the sandbox too. */
export interface HostTools {
  bwrap: string | null;
  setpriv: string | null;
  prlimit: string | null;
  find: string | null;
}

/** What this host offers for confining a run. */
export interface Host {
  tools: HostTools;
  root: boolean;
  /** /proc is there: processes can be listed and sampled. */
  processTable: boolean;
  /** bubblewrap before 0.7 cannot bound a tmpfs. */
  sizedTmpfs: boolean;
}

const SYSTEM_DIRECTORIES = ['/usr/bin', '/bin', '/usr/sbin', '/sbin'];

export function findTool(name: string): string | null {
  return SYSTEM_DIRECTORIES.map((directory) => `${directory}/${name}`).find(isExecutable) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export async function lookAtHost(): Promise<Host> {
  const tools = {
    bwrap: findTool('bwrap'),
    setpriv: findTool('setpriv'),
    prlimit: findTool('prlimit'),
    find: findTool('find'),
  };
  return {
    tools,
    root: process.getuid?.() === 0,
    processTable: existsSync('/proc/self/stat'),
    sizedTmpfs: tools.bwrap !== null && (await boundsTmpfs(tools.bwrap)),
  };
}

async function boundsTmpfs(bwrap: string): Promise<boolean> {
  const { stdout } = await runHelper(bwrap, ['--version']);
  const [, major = 0, minor = 0] = /(\d+)\.(\d+)/.exec(stdout)?.map(Number) ?? [];
  return major > 0 || minor >= 7;
}

/** Runs a helper program with an empty environment; `said` is the last line of stderr, or why it could not run. */
export function runHelper(
  file: string,
  args: readonly string[],
): Promise<{ ok: boolean; stdout: string; said: string }> {
  return new Promise((resolve) => {
    execFile(file, args, { env: {}, timeout: 60_000 }, (error, stdout, stderr) => {
      resolve({
        ok: error === null,
        stdout,
        said: stderr.trim().split('\n').at(-1) || (error?.message ?? ''),
      });
    });
  });
}
