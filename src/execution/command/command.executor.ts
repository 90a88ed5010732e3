import { Injectable } from '@nestjs/common';
import { Executes } from '../../task-types/executes.decorator.js';
import type { Executor, RunContext } from '../../task-types/executor.js';
import type { Outcome } from '../../task-types/outcome.js';
import { ProcessRunner } from '../sandbox/process-runner.js';
import type { ProcessEnd } from '../sandbox/process-spec.js';
import { Workspaces, type Workspace } from '../workspace/workspaces.js';
import { collectFindings } from './collect-findings.js';
import { commandEnvironment } from './command-environment.js';
import { commandLine } from './command-line.js';
import { commandResult } from './command-result.js';
import { CommandPayload, ScanPayload } from './command.payload.js';
import { makeReservedFolders } from './reserved-folders.js';
import { tellProcess, tellWorkspace } from './run-report.js';
import { outcomeOf } from './verdict.js';

type CommandRun = RunContext<CommandPayload>;

/**
 * Runs a command: workspace, process, reports, artifacts, checks. When it returns, no process of the run is left and its
 * workspace is gone.
 */
@Executes('build', {
  payload: CommandPayload,
  summary: 'Builds something and keeps the artifacts.',
  example: {
    script: 'npm ci\nnpm run build',
    artifacts: ['dist/**'],
    checks: [{ file_exists: 'dist/main.js' }],
  },
})
@Executes('test', {
  payload: CommandPayload,
  summary: 'Runs tests and sums their reports.',
  example: { command: ['npm', 'test'], env: { NODE_ENV: 'test' }, reports: { junit: ['reports/*.xml'] } },
})
@Executes('scan', {
  payload: ScanPayload,
  summary: 'Runs a scanner and fails on its findings.',
  example: {
    script: 'semgrep --sarif -o scan.sarif',
    reports: { sarif: ['scan.sarif'] },
    fail_on: 'warning',
  },
})
@Executes('deploy', {
  payload: CommandPayload,
  summary: 'Deploys to the environment that the target names.',
  example: { script: './deploy.sh "$JCT_ENVIRONMENT"' },
})
@Injectable()
export class CommandExecutor implements Executor<CommandPayload> {
  constructor(
    private readonly workspaces: Workspaces,
    private readonly processes: ProcessRunner,
  ) {}

  async execute(run: CommandRun): Promise<Outcome> {
    const { task, runId, signal } = run;
    try {
      // What a killed worker left of the last run would go on writing and deploying beside this one.
      if (run.attempt > 1) await this.processes.sweepTask(task.id, run.attempt);
      maskPassword(run);
      const prepared = await this.workspaces.prepare({ runId, target: task.target, signal });
      if (signal.aborted) return { status: 'stopped', result: {} };
      if (!prepared.ok) {
        return { status: 'failed', failure: prepared.failure, result: {}, retryable: prepared.retryable };
      }
      return await this.inWorkspace(run, prepared);
    } finally {
      await this.workspaces.release(runId);
    }
  }

  async abandon(runIds: ReadonlySet<string>): Promise<void> {
    await this.processes.sweepRuns(runIds);
  }

  private async inWorkspace(run: CommandRun, workspace: Workspace): Promise<Outcome> {
    const taken = await makeReservedFolders(workspace.dir);
    if (taken !== null) {
      const message = `The repository has ${taken} at its top, a name that the tower needs: rename it.`;
      return { status: 'failed', failure: { reason: 'error', message }, result: {}, retryable: false };
    }
    await tellWorkspace(run.log, workspace);
    const end = await this.runProcess(run, workspace);
    await tellProcess(run.log, end);
    const findings = await collectFindings(run, workspace, end);
    const result = commandResult(end, workspace.source?.commit ?? null, findings);
    return outcomeOf({ payload: run.payload, end, ...findings }, result);
  }

  private async runProcess(run: CommandRun, workspace: Workspace): Promise<ProcessEnd> {
    const { task, runId, log } = run;
    const { argv, note } = await commandLine(run.payload);
    if (note !== null) await log.note(note);
    const path = await this.processes.workspacePath(task.sandbox, workspace.dir);
    await log.event('process.started', { program: argv[0], cwd: workspace.cwd });
    const spec = {
      argv,
      workspaceDir: workspace.dir,
      cwd: workspace.cwd,
      env: commandEnvironment(run, workspace, path),
      sandbox: task.sandbox,
      taskId: task.id,
      runId,
      timeoutSeconds: task.timeoutSeconds,
    };
    return this.processes.run(spec, { output: (stream, chunk) => log.output(stream, chunk) }, run.signal);
  }
}

/** A URL with a password is refused; what the refusal leaves in the trace must not show it either. */
function maskPassword({ task, log }: CommandRun): void {
  const password = /\/\/[^/@]*:([^/@]+)@/.exec(task.target?.repository ?? '')?.[1];
  if (password !== undefined) log.mask(password);
}
