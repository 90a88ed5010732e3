import { Injectable } from '@nestjs/common';
import { Clock } from '../common/clock.js';
import { Workspaces } from '../execution/workspace/workspaces.js';
import { FinishedTasks } from '../tasks/queue/finished-tasks.js';
import type { TaskFolder } from '../traces/trace-folders.js';
import { TraceStore } from '../traces/trace-store.js';

export const RETAINED = ['traces', 'workspaces', 'tasks'] as const;
export type Retained = (typeof RETAINED)[number];

export interface Sweep {
  what: Retained;
  olderThanDays: number;
  /** Count and name what would go; remove nothing. */
  dryRun: boolean;
}

export interface Swept {
  removed: number;
  /** The first of them. */
  examples: string[];
}

const DAY_SECONDS = 86_400;
const BATCH = 200;
const EXAMPLES_MAX = 20;

/** Removes the tower's own old data, in batches, until told to stop. */
@Injectable()
export class RetentionService {
  constructor(
    private readonly clock: Clock,
    private readonly tasks: FinishedTasks,
    private readonly traces: TraceStore,
    private readonly workspaces: Workspaces,
  ) {}

  /** Stops between two batches when `signal` is aborted; what was removed by then stays removed. */
  async sweep(sweep: Sweep, signal: AbortSignal): Promise<Swept> {
    switch (sweep.what) {
      case 'tasks':
        return this.sweepTasks(sweep, signal);
      case 'traces':
        return this.sweepTraces(sweep, signal);
      case 'workspaces':
        return this.sweepWorkspaces(sweep);
      default:
        return sweep.what satisfies never;
    }
  }

  private async sweepTasks({ olderThanDays, dryRun }: Sweep, signal: AbortSignal): Promise<Swept> {
    if (dryRun) return { removed: await this.tasks.count(olderThanDays), examples: [] };
    const swept: Swept = { removed: 0, examples: [] };
    while (!signal.aborted) {
      const ids = await this.tasks.remove(olderThanDays, BATCH);
      if (ids.length === 0) break;
      note(swept, ids);
    }
    return swept;
  }

  /** Folders of tasks that are over, and of those whose row is gone. The day in the folder's name bounds the search. */
  private async sweepTraces({ olderThanDays, dryRun }: Sweep, signal: AbortSignal): Promise<Swept> {
    const before = new Date(this.clock.now().getTime() - olderThanDays * DAY_SECONDS * 1_000);
    const swept: Swept = { removed: 0, examples: [] };
    let batch: TaskFolder[] = [];
    const flush = async (): Promise<void> => {
      const needed =
        batch.length === 0
          ? new Set<string>()
          : await this.tasks.stillNeeded(
              batch.map(({ taskId }) => taskId),
              olderThanDays,
            );
      for (const { taskId, path } of batch.splice(0)) {
        if (needed.has(taskId)) continue;
        if (dryRun || (await this.traces.removeTaskFolder(path))) note(swept, [path]);
      }
    };
    for await (const folder of this.traces.taskFolders(before)) {
      batch = [...batch, folder];
      if (signal.aborted) return swept;
      if (batch.length === BATCH) await flush();
    }
    await flush();
    return swept;
  }

  private async sweepWorkspaces({ olderThanDays, dryRun }: Sweep): Promise<Swept> {
    const swept: Swept = { removed: 0, examples: [] };
    note(swept, await this.workspaces.sweep({ mirrorsUnusedSeconds: olderThanDays * DAY_SECONDS, dryRun }));
    return swept;
  }
}

function note(swept: Swept, names: readonly string[]): void {
  swept.removed += names.length;
  swept.examples.push(...names.slice(0, EXAMPLES_MAX - swept.examples.length));
}
