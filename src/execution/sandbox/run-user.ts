import { randomInt } from 'node:crypto';
import { type HostTools, runHelper } from './host.js';

/**
 * Who a run is on this host. `own`: a uid that no other run and no account has, so its files, processes and process limit
 * are its own (needs a root tower). `namespace`: the tower's account, but uid 1000 without any right inside a user
 * namespace. `tower`: the tower's account.
 */
export interface RunUser {
  kind: 'own' | 'namespace' | 'tower';
  uid: number;
}

/**
 * Above the accounts and the sub-uids that distributions hand out first, and below 2^21: the ustar format, which build tools
 * still write, cannot hold a larger uid.
 */
const FIRST_UID = 1_000_000;
const UIDS = 1_000_000;

const taken = new Set<number>();

/** Chosen at random, because other towers on this host choose too; `releaseUid` gives it back. */
export function takeUid(): number {
  for (;;) {
    const uid = FIRST_UID + randomInt(UIDS);
    if (taken.has(uid)) continue;
    taken.add(uid);
    return uid;
  }
}

export function releaseUid(uid: number): void {
  taken.delete(uid);
}

/** Arguments for setpriv that leave nothing of root: no group, no capability, no way to gain any. */
export function dropArguments(uid: number): string[] {
  const id = String(uid);
  return [
    '--reuid',
    id,
    '--regid',
    id,
    '--clear-groups',
    '--inh-caps',
    '-all',
    '--bounding-set',
    '-all',
    '--no-new-privs',
  ];
}

/**
 * Gives the workspace to the user of a run. Links are changed themselves, not what they point at, and files with a second
 * hard link stay as they are: git shares object files between a cache and its clones, and the cache must not be given away.
 *
 * @returns what went wrong, or null
 */
export async function handOver(tools: HostTools, workspaceDir: string, uid: number): Promise<string | null> {
  if (tools.find === null) return 'find (findutils) is not installed';
  const owned = [
    '(',
    '-type',
    'd',
    '-o',
    '-links',
    '1',
    ')',
    '-exec',
    'chown',
    '-h',
    `${uid}:${uid}`,
    '{}',
    '+',
  ];
  const { ok, said } = await runHelper(tools.find, [workspaceDir, ...owned]);
  return ok ? null : said;
}

/** Those paths that the user can enter or execute, found by trying: a directory above may be closed, as /root is. */
export async function reachable(
  tools: HostTools,
  uid: number,
  paths: readonly string[],
): Promise<Set<string>> {
  if (tools.setpriv === null || tools.find === null) return new Set();
  const find = [tools.find, ...paths, '-maxdepth', '0', '-executable', '-print0'];
  const { stdout } = await runHelper(tools.setpriv, [...dropArguments(uid), '--', ...find]);
  return new Set(stdout.split('\0'));
}
