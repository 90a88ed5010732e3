import { chown, mkdtemp, realpath, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, sep } from 'node:path';
import type { JsonObject } from '../../common/json.js';
import { bubblewrapProfile, TMP_MB } from './bubblewrap-profile.js';
import type { Host, Isolation } from './host.js';
import {
  processEnvironment,
  sandboxedEnvironment,
  searchPath,
  splitEnvironment,
} from './launch-environment.js';
import type { Launch, Refusal } from './launch.js';
import type { ProcessSpec } from './process-spec.js';
import { type LimitPlan, planLimits } from './run-limits.js';
import { dropArguments, handOver, reachable, releaseUid, type RunUser, takeUid } from './run-user.js';

/** What the parts of a launch are made from. */
interface Plan {
  spec: ProcessSpec;
  host: Host;
  isolation: Isolation;
  user: RunUser;
  /** Where a plain process looks for programs. */
  path: string[];
  limits: LimitPlan;
  notes: string[];
}

/** Decides how the command is confined, and hands the workspace to whoever it will run as. */
export async function prepareLaunch(
  spec: ProcessSpec,
  host: Host,
  isolation: Isolation,
): Promise<Launch | Refusal> {
  const cwd = await workingDirectory(spec);
  if (cwd === null) {
    return { refused: `The working directory '${spec.cwd}' is not a directory inside the workspace.` };
  }
  const notes: string[] = [];
  const { user, path } = await chooseUser(spec, host, isolation, notes);
  const limits = planLimits(spec.sandbox, spec.timeoutSeconds, {
    prlimit: host.tools.prlimit !== null,
    processTable: host.processTable,
    user,
  });
  const problem = limits.refused ?? (await giveWorkspace(spec, host, user));
  if (problem !== null) {
    release(user);
    return { refused: problem };
  }
  const plan = { spec, host, isolation, user, path, limits, notes };
  return isolation === 'bubblewrap' ? throughBubblewrap(plan) : asProcess(plan, cwd);
}

function throughBubblewrap(plan: Plan): Launch {
  const { spec, host, user } = plan;
  const profile = bubblewrapProfile({
    workspaceDir: spec.workspaceDir,
    cwd: spec.cwd,
    network: spec.sandbox.network,
    user,
    nodePath: process.execPath,
    sizedTmpfs: host.sizedTmpfs,
  });
  const { plain, guarded } = splitEnvironment(sandboxedEnvironment(spec, profile.path));
  if (!host.sizedTmpfs) plan.notes.push('/tmp has no size limit: that needs bubblewrap 0.7.');
  if (spec.sandbox.network) plan.notes.push("The network is the host's, with its loopback addresses.");
  return {
    ...common(plan),
    argv: [host.tools.bwrap!, ...profile.args, ...confined(plan, guarded)],
    cwd: '/',
    env: plain,
    data: profile.data,
    statusFd: profile.statusFd,
    release: () => Promise.resolve(release(user)),
  };
}

async function asProcess(plan: Plan, cwd: string): Promise<Launch> {
  const { spec, user, path, notes } = plan;
  const temporaryDir = await mkdtemp(join(tmpdir(), 'jct-run-'));
  if (user.kind === 'own') await chown(temporaryDir, user.uid, user.uid);
  const { plain, guarded } = splitEnvironment(processEnvironment(spec, path, temporaryDir));
  notes.push('Files are guarded by the rights of the user alone.');
  if (!spec.sandbox.network) notes.push('The network is not cut off: that needs bubblewrap.');
  return {
    ...common(plan),
    argv: confined(plan, guarded),
    cwd,
    env: plain,
    data: [],
    statusFd: null,
    release: async () => {
      release(user);
      // What a command made unremovable stays behind; its result does not depend on it.
      await rm(temporaryDir, { recursive: true, force: true }).catch(() => {});
    },
  };
}

function common({
  spec,
  host,
  isolation,
  user,
  limits,
  notes,
}: Plan): Pick<Launch, 'isolation' | 'ownUid' | 'sampled' | 'facts'> {
  const sandboxed = isolation === 'bubblewrap';
  const facts: JsonObject = {
    isolation,
    network: sandboxed ? spec.sandbox.network : true,
    user: { kind: user.kind, uid: user.uid },
    limits: { ...limits.facts, tmp: { mb: sandboxed && host.sizedTmpfs ? TMP_MB : null } },
    notes,
  };
  return { isolation, ownUid: user.kind === 'own' ? user.uid : null, sampled: limits.sampled, facts };
}

/**
 * The steps between bwrap (or us) and the command; each replaces itself by the next. `env` comes last and looks the command up
 * in PATH: 127 when it is not there.
 */
function confined({ spec, host, isolation, user, limits }: Plan, guarded: readonly string[]): string[] {
  const { setpriv, prlimit } = host.tools;
  const privileges = [
    // bwrap has --die-with-parent; a plain process at least does not outlive a killed tower itself.
    ...(isolation === 'process' ? ['--pdeathsig', 'KILL'] : []),
    ...(user.kind === 'own' ? dropArguments(user.uid) : []),
  ];
  return [
    ...(setpriv !== null && privileges.length > 0 ? [setpriv, ...privileges, '--'] : []),
    ...(prlimit !== null ? [prlimit, ...limits.prlimit, '--'] : []),
    ...['/usr/bin/env', '--', ...guarded, ...spec.argv],
  ];
}

/** A root tower never runs a command as root in bubblewrap, and as a plain process only where nothing else works. */
async function chooseUser(
  spec: ProcessSpec,
  host: Host,
  isolation: Isolation,
  notes: string[],
): Promise<{ user: RunUser; path: string[] }> {
  const path = searchPath();
  if (!host.root) {
    const tower: RunUser = { kind: 'tower', uid: process.getuid?.() ?? -1 };
    return { user: isolation === 'bubblewrap' ? { kind: 'namespace', uid: 1000 } : tower, path };
  }
  const uid = takeUid();
  if (isolation === 'bubblewrap') return { user: { kind: 'own', uid }, path };
  const needed = [dirname(spec.workspaceDir), process.execPath];
  const open = await reachable(host.tools, uid, [...needed, ...path]);
  if (needed.every((each) => open.has(each))) {
    return { user: { kind: 'own', uid }, path: path.filter((directory) => open.has(directory)) };
  }
  releaseUid(uid);
  notes.push(
    `RUNS AS ROOT, where the kernel limits no processes: another user needs setpriv and find here, and must be able to reach ${needed.join(' and ')}. ` +
      'Install bubblewrap, run the tower as a user of its own, or set JCT_WORKSPACE_ROOT to a directory that others may enter.',
  );
  return { user: { kind: 'tower', uid: 0 }, path };
}

async function giveWorkspace(spec: ProcessSpec, host: Host, user: RunUser): Promise<string | null> {
  if (user.kind !== 'own') return null;
  const problem = await handOver(host.tools, spec.workspaceDir, user.uid);
  return problem === null ? null : `The workspace could not be given to the user of the run: ${problem}`;
}

function release(user: RunUser): void {
  if (user.kind === 'own') releaseUid(user.uid);
}

/** The absolute working directory; null unless it is a directory that lies in the workspace with all links resolved. */
async function workingDirectory(spec: ProcessSpec): Promise<string | null> {
  try {
    const root = await realpath(spec.workspaceDir);
    const cwd = await realpath(join(root, spec.cwd));
    const inside = cwd === root || cwd.startsWith(root + sep);
    return inside && (await stat(cwd)).isDirectory() ? cwd : null;
  } catch {
    return null;
  }
}
