import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSettings } from '../../src/config/settings.js';
import { newId } from '../../src/common/ids.js';
import { ProcessRunner } from '../../src/execution/sandbox/process-runner.js';
import type { ProcessEnd, ProcessSinks, ProcessSpec } from '../../src/execution/sandbox/process-spec.js';
import { Sandbox } from '../../src/execution/sandbox/sandbox.js';

export const runner = new ProcessRunner(new Sandbox(readSettings({})));
export const facts = await new Sandbox(readSettings({})).facts();
/** Title suffix for what is skipped where bubblewrap does not work. */
export const bwrapUsable = facts.isolation === 'bubblewrap';

const made: string[] = [];

/** An empty workspace; `hidden`: below a directory that nobody else may enter. */
export function makeWorkspace({ hidden = false } = {}): string {
  const base = mkdtempSync(join(tmpdir(), 'jct-sandbox-spec-'));
  made.push(base);
  chmodSync(base, hidden ? 0o700 : 0o755);
  const workspaceDir = join(base, 'workspace');
  mkdirSync(workspaceDir, { mode: 0o700 });
  return workspaceDir;
}

export function removeWorkspaces(): void {
  for (const path of made.splice(0)) rmSync(path, { recursive: true, force: true });
}

export interface Finished extends ProcessEnd {
  stdout: string;
  stderr: string;
  spec: ProcessSpec;
}

export interface RunOptions extends Partial<Omit<ProcessSpec, 'sandbox'>> {
  sandbox?: Partial<ProcessSpec['sandbox']>;
  signal?: AbortSignal;
  /** Called with everything that stdout said so far. */
  onOutput?: (stdout: string) => void;
  sinks?: ProcessSinks;
  runner?: ProcessRunner;
}

/** Runs a bash script and collects what it says. */
export async function runScript(script: string, options: RunOptions = {}): Promise<Finished> {
  const { sandbox, signal, onOutput, sinks, runner: by, ...rest } = options;
  const said = { stdout: '', stderr: '' };
  const spec: ProcessSpec = {
    argv: ['bash', '-c', script],
    workspaceDir: rest.workspaceDir ?? makeWorkspace(),
    cwd: '',
    env: {},
    taskId: newId(),
    runId: newId(),
    timeoutSeconds: 60,
    ...rest,
    sandbox: { mode: 'none', network: false, ...sandbox },
  };
  const collect: ProcessSinks = {
    output: (stream, chunk) => {
      said[stream] += chunk.toString();
      onOutput?.(said.stdout);
      return Promise.resolve();
    },
  };
  const end = await (by ?? runner).run(spec, sinks ?? collect, signal ?? new AbortController().signal);
  return { ...end, ...said, spec };
}

/** Command lines of all living processes of this host in which the word occurs: an own look, apart from the code under test. */
export function processesNaming(word: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ');
        return line.includes(word) && Number(pid) !== process.pid ? [line] : [];
      } catch {
        return [];
      }
    });
}
