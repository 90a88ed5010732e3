import { Injectable } from '@nestjs/common';
import { Clock } from '../common/clock.js';
import { NotFoundError } from '../common/errors.js';
import { TaskQueries } from '../tasks/task-queries.js';
import type { TaskEntity } from '../tasks/task.entity.js';
import { TasksService } from '../tasks/tasks.service.js';
import { TraceStore } from '../traces/trace-store.js';

/** A run that began longer ago has its folder, where the trace root is the one of its worker. */
const FOLDER_AFTER_MS = 5_000;

/** Why a trace that must exist cannot be read here, and what to do. */
function traceElsewhere(run: number, workerId: string | null): string {
  return (
    `Run ${run} has no folder below the trace root of this process. It ran on worker ${workerId ?? 'unknown'}: either ` +
    'that worker has another JCT_TRACE_ROOT than this process, or the folder was removed.'
  );
}

/** Where the trace of one run is, and what the database knows of it. */
export interface LocatedRun {
  taskId: string;
  number: number;
  /** Relative to the trace root. */
  path: string;
  /** The run has not ended, as far as the database knows. */
  goesOn: boolean;
  /** From the run's row; null while it goes on and when its worker was lost. */
  manifestSha256: string | null;
}

@Injectable()
export class RunLocator {
  constructor(
    private readonly tasks: TasksService,
    private readonly queries: TaskQueries,
    private readonly traces: TraceStore,
    private readonly clock: Clock,
  ) {}

  /**
   * @param number the newest run when undefined
   * @throws NotFoundError TASK_NOT_FOUND, RUN_NOT_FOUND or TRACE_NOT_FOUND
   */
  async locate(taskId: string, number?: number): Promise<LocatedRun> {
    const run = await this.find(taskId, number);
    if (run.missing !== null) throw new NotFoundError('TRACE', run.missing);
    return run;
  }

  /** Why the folder of this run cannot be read here, although it must exist; null when it can, or need not exist yet. */
  async missing(taskId: string, number: number): Promise<string | null> {
    return (await this.find(taskId, number)).missing;
  }

  private async find(taskId: string, number?: number): Promise<LocatedRun & { missing: string | null }> {
    const task = await this.tasks.get(taskId);
    const wanted = number ?? task.attempt;
    if (wanted < 1 || wanted > task.attempt) {
      const message =
        task.attempt === 0 ? 'The task has not started yet.' : `The task has ${task.attempt} runs so far.`;
      throw new NotFoundError('RUN', message);
    }
    const ended = await this.queries.run(task.id, wanted);
    const run = {
      taskId: task.id,
      number: wanted,
      path: this.traces.pathOf(task, wanted),
      goesOn: ended === null && task.status === 'running',
      manifestSha256: ended?.manifestSha256 ?? null,
    };
    const mustBeThere = run.manifestSha256 !== null || (run.goesOn && this.beganLongAgo(task));
    const missing = mustBeThere && !(await this.traces.exists(run.path));
    return { ...run, missing: missing ? traceElsewhere(wanted, ended?.workerId ?? task.workerId) : null };
  }

  private beganLongAgo({ startedAt }: TaskEntity): boolean {
    return startedAt !== null && this.clock.now().getTime() - startedAt.getTime() > FOLDER_AFTER_MS;
  }
}
