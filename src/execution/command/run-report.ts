import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunLog } from '../../task-types/executor.js';
import type { ProcessEnd } from '../sandbox/process-spec.js';
import type { Workspace } from '../workspace/workspaces.js';

/** Says in the trace what the command will find. */
export async function tellWorkspace(log: RunLog, { source, cwd, dir }: Workspace): Promise<void> {
  if (!source) return log.event('workspace.ready', { cwd });
  const { repository, ref, commit, fetched } = source;
  log.fact('repository', { repository, ref, commit, fetched });
  await log.note(`Checked out ${repository} at ${commit} (${ref ?? 'default branch'}).`);
  const hasSubmodules = await access(join(dir, '.gitmodules')).then(
    () => true,
    () => false,
  );
  if (hasSubmodules)
    await log.note('The repository has submodules: they are not fetched, their folders are empty.');
  await log.event('workspace.ready', { cwd, repository, ref, commit, fetched });
}

/** Says in the trace how the process ended and what its sandbox really was. */
export async function tellProcess(log: RunLog, end: ProcessEnd): Promise<void> {
  const { exitCode, signal, stopped, refused, durationMs, kill } = end;
  const facts = { exit_code: exitCode, signal, stopped, refused, duration_ms: durationMs, kill };
  log.fact('sandbox', end.sandbox);
  log.fact('process', facts);
  await log.event('process.ended', facts);
  await log.note(`${describe(end)} ${(durationMs / 1_000).toFixed(1)} s.`);
}

function describe({ exitCode, signal, stopped, refused }: ProcessEnd): string {
  if (refused !== null) return refused;
  if (stopped !== null) return `Stopped: ${stopped}.`;
  return exitCode === null ? `Ended by ${signal}.` : `Exit code ${exitCode}.`;
}
