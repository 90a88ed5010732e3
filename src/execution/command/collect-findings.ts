import type { RunContext } from '../../task-types/executor.js';
import { readReports } from '../reports/read-reports.js';
import type { ProcessEnd } from '../sandbox/process-spec.js';
import type { Workspace } from '../workspace/workspaces.js';
import { ArtifactCollector } from './artifact-collector.js';
import { runChecks } from './checks.js';
import type { CommandFindings } from './command-result.js';
import type { CommandPayload } from './command.payload.js';

/**
 * What a command left. Reports and artifacts whatever its exit code: a failed test run is read by them. Checks only when it
 * ended by itself. Nothing after the lease was lost: the task is another's by then.
 */
export async function collectFindings(
  { payload, log }: RunContext<CommandPayload>,
  workspace: Workspace,
  end: ProcessEnd,
): Promise<CommandFindings> {
  const none: CommandFindings = { reports: {}, checks: [], artifacts: [] };
  if (end.refused !== null || end.stopped === 'lease_lost') return none;
  const { dir } = workspace;
  const reports = await readReports({ dir, globs: payload.reports ?? {}, note: (line) => log.note(line) });
  const artifacts = await new ArtifactCollector(dir, log).collect(payload.artifacts ?? []);
  if (end.stopped !== null) return { ...none, reports, artifacts };
  const checks = await runChecks(payload.checks ?? [], { workspace, exitCode: end.exitCode });
  for (const { check, ok, message } of checks) {
    await log.event('check.evaluated', { check, ok, message });
    if (!ok) await log.note(`Check failed: ${check}. ${message}`);
  }
  return { reports, checks, artifacts };
}
