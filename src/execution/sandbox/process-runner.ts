import { Injectable } from '@nestjs/common';
import type { SandboxOptions } from '../../task-types/executor.js';
import { SANDBOX_WORKSPACE } from './bubblewrap-profile.js';
import { killMarked } from './kill-ladder.js';
import { startLaunch } from './launch.js';
import type { ProcessEnd, ProcessSinks, ProcessSpec } from './process-spec.js';
import { startedWith } from './process-table.js';
import { Sandbox } from './sandbox.js';
import { stopReason, supervise } from './supervise.js';

/** Runs commands of tasks: confined as far as this host can, stopped without remains, and honest about both. */
@Injectable()
export class ProcessRunner {
  constructor(private readonly sandbox: Sandbox) {}

  /** Where the command will see its workspace: needed before its environment can be built. */
  async workspacePath(options: SandboxOptions, workspaceDir: string): Promise<string> {
    return (await this.sandbox.isolationFor(options)) === 'bubblewrap' ? SANDBOX_WORKSPACE : workspaceDir;
  }

  /**
   * Runs one command to its end. What goes wrong is told in the result; when it resolves, no process of the run is left.
   *
   * @param signal stops it; `signal.reason` is a StopReason
   * @throws only what a sink threw, after the command was stopped
   */
  async run(spec: ProcessSpec, sinks: ProcessSinks, signal: AbortSignal): Promise<ProcessEnd> {
    const started = performance.now();
    const end = (part: Partial<ProcessEnd>): ProcessEnd => ({
      ...{ exitCode: null, signal: null, stopped: null, refused: null, sandbox: {}, kill: null, ...part },
      durationMs: Math.round(performance.now() - started),
    });
    const launch = await this.sandbox.prepare(spec);
    if ('refused' in launch) return end({ refused: launch.refused });
    try {
      if (signal.aborted) return end({ stopped: stopReason(signal.reason) });
      const child = await startLaunch(launch);
      if ('refused' in child) return end({ refused: child.refused });
      const outcome = await supervise(child, launch, spec.runId, sinks, signal);
      return end({ ...outcome, sandbox: launch.facts });
    } finally {
      await launch.release();
    }
  }

  /**
   * Kills what the runs of this task before the given one left on this host, e.g. when their worker was killed. A later one
   * is spared: whoever asks may have been frozen since, and no longer be the one who runs the task.
   *
   * @returns how many processes
   */
  sweepTask(taskId: string, beforeRun: number): Promise<number> {
    return killMarked(
      (pid) => startedWith(pid, 'JCT_TASK_ID') === taskId && Number(startedWith(pid, 'JCT_RUN')) < beforeRun,
    );
  }

  /** Kills what these runs left on this host. @returns how many processes */
  sweepRuns(runIds: ReadonlySet<string>): Promise<number> {
    return killMarked((pid) => runIds.has(startedWith(pid, 'JCT_RUN_ID') ?? ''));
  }
}
