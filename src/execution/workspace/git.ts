import { spawn, type ChildProcess } from 'node:child_process';
import type { Repository } from '../../common/repository.js';
import { gitEnvironment } from './git-environment.js';

export interface GitCall {
  /** Made by makeGitDirectory. */
  gitDir: string;
  workTree?: string;
  args: readonly string[];
  /** The one transport that this call may use. */
  transport?: Repository['kind'];
  /** Aborting kills git and everything that it started. */
  signal: AbortSignal;
}

export type GitResult =
  | { ok: true; stdout: string }
  | { ok: false; reason: 'failed' | 'stopped' | 'not_installed' | 'too_much_output'; message: string };

/** Lists of changed files are what grows; 100,000 names fit. */
const STDOUT_BYTES_MAX = 16 * 1_048_576;
const STDERR_BYTES_MAX = 65_536;
/** A process that left the group and kept the pipe must not hold the run. */
const PIPE_GRACE_MS = 2_000;

/**
 * Runs git: no shell, no configuration but ours, no questions, no hooks, no transport that was not asked for.
 * The caller answers for the arguments: every ref, path and URL is checked (common/repository.ts) or stands after `--`.
 */
export async function git({ gitDir, workTree, args, transport, signal }: GitCall): Promise<GitResult> {
  if (signal.aborted) return stopped();
  const child = spawn('git', args, {
    cwd: gitDir,
    env: gitEnvironment(gitDir, workTree, transport),
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const kill = () => killGroup(child);
  signal.addEventListener('abort', kill, { once: true });
  try {
    return await ended(child, signal);
  } finally {
    signal.removeEventListener('abort', kill);
  }
}

function ended(child: ChildProcess, signal: AbortSignal): Promise<GitResult> {
  const stdout = keep(child, 'stdout', STDOUT_BYTES_MAX, () => killGroup(child));
  const stderr = keep(child, 'stderr', STDERR_BYTES_MAX);
  return new Promise((settle) => {
    child.once('error', (error: NodeJS.ErrnoException) => settle(notStarted(error)));
    child.once('exit', () => {
      const timer = setTimeout(
        () => [child.stdout, child.stderr].forEach((pipe) => pipe?.destroy()),
        PIPE_GRACE_MS,
      );
      child.once('close', () => clearTimeout(timer));
    });
    child.once('close', (code) => {
      if (signal.aborted) settle(stopped());
      else if (stdout.overflow) {
        settle({
          ok: false,
          reason: 'too_much_output',
          message: `git wrote more than ${STDOUT_BYTES_MAX} bytes`,
        });
      } else if (code === 0) settle({ ok: true, stdout: stdout.text() });
      else settle({ ok: false, reason: 'failed', message: stderr.text().trim() || `git ended with ${code}` });
    });
  });
}

/** Keeps the first bytes of a stream and reads on, so that the child never blocks. */
function keep(child: ChildProcess, name: 'stdout' | 'stderr', bytesMax: number, overflowed?: () => void) {
  const chunks: Buffer[] = [];
  let size = 0;
  const kept = { overflow: false, text: () => Buffer.concat(chunks).toString('utf8') };
  child[name]?.on('data', (chunk: Buffer) => {
    if (size < bytesMax) chunks.push(chunk.subarray(0, bytesMax - size));
    size += chunk.length;
    if (size <= bytesMax || kept.overflow) return;
    kept.overflow = true;
    overflowed?.();
  });
  return kept;
}

/** The whole group: git leaves the transfer to children of its own (upload-pack, ssh, remote-https). */
function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // The group has ended already.
  }
}

function stopped(): GitResult {
  return { ok: false, reason: 'stopped', message: 'git was stopped' };
}

function notStarted(error: NodeJS.ErrnoException): GitResult {
  return error.code === 'ENOENT'
    ? {
        ok: false,
        reason: 'not_installed',
        message: 'git is not installed on this worker: install git 2.32 or newer',
      }
    : { ok: false, reason: 'failed', message: `git could not be started: ${error.message}` };
}
