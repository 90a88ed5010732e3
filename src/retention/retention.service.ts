import { Injectable } from '@nestjs/common';
import { Clock } from '../common/clock.js';
import { OldEvents } from '../events/old-events.js';
import { Workspaces } from '../execution/workspace/workspaces.js';
import { FinishedTasks } from '../tasks/queue/finished-tasks.js';
import type { TaskFolder } from '../traces/trace-folders.js';
import { TraceStore } from '../traces/trace-store.js';
import { OldRuns } from '../workflows/runs/old-runs.js';

/** In this order: a trace whose task is gone goes in the same round. */
export const RETAINED = ['tasks', 'traces', 'events', 'workflow_runs', 'workspaces'] as const;
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
    private readonly events: OldEvents,
    private readonly runs: OldRuns,
    private readonly traces: TraceStore,
    private readonly workspaces: Workspaces,
  ) {}

  /** Stops between two batches when `signal` is aborted; what was removed by then stays removed. */
  async sweep(sweep: Sweep, signal: AbortSignal): Promise<Swept> {
    switch (sweep.what) {
      case 'tasks':
        return sweepRows(this.tasks, sweep, signal);
      case 'events':
        return sweepRows(this.events, sweep, signal);
      case 'workflow_runs':
        return sweepRows(this.runs, sweep, signal);
      case 'traces':
        return this.sweepTraces(sweep, signal);
      case 'workspaces':
        return this.sweepWorkspaces(sweep);
      default:
        return sweep.what satisfies never;
    }
  }

  /** Folders of tasks that are over, and of those whose row is gone. The day in the folder's name bounds the search. */
  private async sweepTraces({ olderThanDays, dryRun }: Sweep, signal: AbortSignal): Promise<Swept> {
    const before = new Date(this.clock.now().getTime() - olderThanDays * DAY_SECONDS * 1_000);
    const swept: Swept = { removed: 0, examples: [] };
    const batch: TaskFolder[] = [];
    for await (const folder of this.traces.taskFolders(before)) {
      if (signal.aborted) return swept;
      batch.push(folder);
      if (batch.length === BATCH) await this.removeTraces(batch.splice(0), olderThanDays, dryRun, swept);
    }
    if (batch.length > 0) await this.removeTraces(batch, olderThanDays, dryRun, swept);
    return swept;
  }

  private async removeTraces(
    folders: readonly TaskFolder[],
    olderThanDays: number,
    dryRun: boolean,
    swept: Swept,
  ): Promise<void> {
    const ids = folders.map(({ taskId }) => taskId);
    const needed = await this.tasks.stillNeeded(ids, olderThanDays);
    for (const { taskId, path } of folders) {
      if (needed.has(taskId)) continue;
      if (dryRun || (await this.traces.removeTaskFolder(path))) note(swept, [path]);
    }
  }

  private async sweepWorkspaces({ olderThanDays, dryRun }: Sweep): Promise<Swept> {
    const swept: Swept = { removed: 0, examples: [] };
    note(swept, await this.workspaces.sweep({ mirrorsUnusedSeconds: olderThanDays * DAY_SECONDS, dryRun }));
    return swept;
  }
}

async function sweepRows(
  rows: FinishedTasks | OldEvents | OldRuns,
  { olderThanDays, dryRun }: Sweep,
  signal: AbortSignal,
): Promise<Swept> {
  if (dryRun) return { removed: await rows.count(olderThanDays), examples: [] };
  const swept: Swept = { removed: 0, examples: [] };
  while (!signal.aborted) {
    const ids = await rows.remove(olderThanDays, BATCH);
    if (ids.length === 0) break;
    note(swept, ids);
  }
  return swept;
}

function note(swept: Swept, names: readonly string[]): void {
  swept.removed += names.length;
  swept.examples.push(...names.slice(0, EXAMPLES_MAX - swept.examples.length));
}
