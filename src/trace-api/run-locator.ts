import { Injectable } from '@nestjs/common';
import { NotFoundError } from '../common/errors.js';
import { TaskQueries } from '../tasks/task-queries.js';
import { TasksService } from '../tasks/tasks.service.js';
import { TraceStore } from '../traces/trace-store.js';

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
  ) {}

  /** @throws NotFoundError TASK_NOT_FOUND */
  async exists(taskId: string): Promise<void> {
    await this.tasks.get(taskId);
  }

  /**
   * @param number the newest run when undefined
   * @throws NotFoundError TASK_NOT_FOUND or RUN_NOT_FOUND
   */
  async locate(taskId: string, number?: number): Promise<LocatedRun> {
    const task = await this.tasks.get(taskId);
    const wanted = number ?? task.attempt;
    if (wanted < 1 || wanted > task.attempt) {
      const message =
        task.attempt === 0 ? 'The task has not started yet.' : `The task has ${task.attempt} runs so far.`;
      throw new NotFoundError('RUN', message);
    }
    const ended = await this.queries.run(task.id, wanted);
    return {
      taskId: task.id,
      number: wanted,
      path: this.traces.pathOf(task, wanted),
      goesOn: ended === null && task.status === 'running',
      manifestSha256: ended?.manifestSha256 ?? null,
    };
  }
}
