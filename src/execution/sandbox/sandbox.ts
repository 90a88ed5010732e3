import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import { Settings } from '../../config/settings.js';
import type { SandboxOptions } from '../../task-types/executor.js';
import { type Host, type Isolation, lookAtHost } from './host.js';
import { type Launch, type Refusal, startLaunch } from './launch.js';
import { prepareLaunch } from './prepare-launch.js';
import type { ProcessSpec } from './process-spec.js';

/** What this worker can give, for /status. */
export interface SandboxFacts {
  isolation: Isolation;
  /** Why it is not bubblewrap, for a person; null when it is. */
  reason: string | null;
  /** Whether the kernel enforces limits on processes, files and CPU (prlimit); else only sampling does, or nothing. */
  prlimit: boolean;
  /** Whether processes can be listed: without /proc nothing is sampled and strays cannot be proved gone. */
  process_table: boolean;
}

const PROBE_TIMEOUT_MS = 10_000;

/** Knows what this host can enforce (found out once, by trying) and decides what a task gets. */
@Injectable()
export class Sandbox {
  private probed: Promise<{ host: Host; reason: string | null }> | undefined;

  constructor(private readonly settings: Settings) {}

  async facts(): Promise<SandboxFacts> {
    const { host, reason } = await this.probe();
    return {
      isolation: reason === null ? 'bubblewrap' : 'process',
      reason,
      prlimit: host.tools.prlimit !== null,
      process_table: host.processTable,
    };
  }

  /** What a run with these options gets, or why it must not run here. */
  async isolationFor(options: SandboxOptions): Promise<Isolation | Refusal> {
    if (options.mode === 'none') return 'process';
    const { reason } = await this.probe();
    if (reason === null) return 'bubblewrap';
    if (options.mode === 'preferred') return 'process';
    return {
      refused:
        `The task requires the sandbox (options.sandbox.mode "required"), which this worker cannot give: ${reason} ` +
        'Make bubblewrap usable on the worker, or enqueue with mode "preferred".',
    };
  }

  async prepare(spec: ProcessSpec): Promise<Launch | Refusal> {
    const isolation = await this.isolationFor(spec.sandbox);
    if (typeof isolation === 'object') return isolation;
    const { host, reason } = await this.probe();
    const launch = await prepareLaunch(spec, host, isolation).catch((error: Error) => ({
      refused: `The run could not be prepared: ${error.message}`,
    }));
    if ('facts' in launch && isolation === 'process') {
      const why = spec.sandbox.mode === 'none' ? 'options.sandbox.mode is "none".' : reason;
      (launch.facts['notes'] as string[]).unshift(`Not in bubblewrap: ${why}`);
    }
    return launch;
  }

  private probe(): Promise<{ host: Host; reason: string | null }> {
    this.probed ??= lookAtHost().then(async (host) => ({ host, reason: await this.whyNotBubblewrap(host) }));
    return this.probed;
  }

  private async whyNotBubblewrap(host: Host): Promise<string | null> {
    if (this.settings.sandbox === 'process') return 'JCT_SANDBOX is "process".';
    if (host.tools.bwrap === null) return 'bubblewrap is not installed (apt install bubblewrap).';
    if (host.root && (host.tools.setpriv === null || host.tools.find === null)) {
      return 'a tower that runs as root needs setpriv (util-linux) and find (findutils) beside bubblewrap.';
    }
    const problem = await tryBubblewrap(host).catch((error: Error) => error.message);
    return problem === null ? null : `bubblewrap is installed but does not work here: ${problem}`;
  }
}

/** Runs `true` in exactly the profile of a task. @returns what went wrong, or null */
async function tryBubblewrap(host: Host): Promise<string | null> {
  const workspaceDir = await mkdtemp(join(tmpdir(), 'jct-probe-'));
  try {
    const launch = await prepareLaunch(
      {
        argv: ['true'],
        workspaceDir,
        cwd: '',
        env: {},
        sandbox: { mode: 'required', network: false },
        taskId: 'probe',
        runId: 'probe',
        timeoutSeconds: 10,
      },
      host,
      'bubblewrap',
    );
    return 'refused' in launch ? launch.refused : await succeeds(launch).finally(() => launch.release());
  } finally {
    await rm(workspaceDir, { recursive: true, force: true });
  }
}

async function succeeds(launch: Launch): Promise<string | null> {
  const child = await startLaunch(launch);
  if ('refused' in child) return child.refused;
  const timer = setTimeout(() => child.kill('SIGKILL'), PROBE_TIMEOUT_MS);
  const exit = new Promise<string | null>((resolve) => {
    child.once('exit', (code, signal) => resolve(code === 0 ? null : `it ended with ${signal ?? code}`));
  });
  const [outcome, said] = await Promise.all([exit, text(child.stderr as Readable)]);
  clearTimeout(timer);
  return outcome === null ? null : said.trim() || outcome;
}
