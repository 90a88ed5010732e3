import { LOST_ALONE_MAX, LOST_RUNS_MAX } from '../../../src/tasks/queue/lost-run.js';
import type { RunStatus } from '../../../src/tasks/task-run.entity.js';
import { isTerminal, type TaskStatus } from '../../../src/tasks/task-status.js';

export interface ModelRun {
  id: string;
  number: number;
  workerId: string;
  status: RunStatus | 'running';
  /** Somebody else ended it, since its worker was silent. */
  taken: boolean;
  /** What it said afterwards was kept. */
  late: boolean;
}

/** What the rooms should know of a task. Its place in the list of tasks is its age. */
export interface ModelTask {
  id: string;
  rank: number;
  key: string | null;
  callback: boolean;
  status: TaskStatus;
  hold: 'schedule' | 'key' | null;
  attempt: number;
  maxAttempts: number;
  excused: number;
  cancelAsked: boolean;
  /** `run_at`, `expires_at` and the lease: whether that time has passed; null where there is none. */
  due: boolean;
  expired: boolean | null;
  leaseOver: boolean;
  runs: ModelRun[];
  /** How it ended, each time. */
  ends: TaskStatus[];
}

/** The queue as a list in memory: no SQL, no time, no second process. What it says is what the rooms must say. */
export class QueueModel {
  readonly tasks: ModelTask[] = [];

  enqueue(task: ModelTask): void {
    this.tasks.push(task);
    if (task.hold === 'key') this.promote(task.key);
  }

  /** The next `limit` tasks that may run, in the order in which they are handed out. */
  claimable(limit: number): ModelTask[] {
    const may = this.tasks.filter(
      ({ status, hold, expired, attempt }) =>
        status === 'queued' && hold === null && !(expired === true && attempt === 0),
    );
    return byUrgency(may).slice(0, limit);
  }

  begin(task: ModelTask, runId: string, workerId: string): void {
    task.status = 'running';
    task.attempt += 1;
    task.leaseOver = false;
    const run = { id: runId, number: task.attempt, workerId, taken: false, late: false };
    task.runs.push({ ...run, status: 'running' });
  }

  get runs(): ModelRun[] {
    return this.tasks.flatMap(({ runs }) => runs);
  }

  /** The task whose run this is and goes on; undefined for a run that is over. */
  holderOf(runId: string): ModelTask | undefined {
    return this.tasks.find(({ runs }) => runs.some(({ id, status }) => id === runId && status === 'running'));
  }

  /** The run is over, and its task ended. */
  end(task: ModelTask, status: 'completed' | 'failed' | 'cancelled', run: RunStatus = status): void {
    this.closeRun(task, run);
    this.finish(task, status);
  }

  /** The run is over, and its task waits again: for its time, or not; unless it was to be cancelled. */
  again(task: ModelTask, run: 'failed' | 'lost' | 'released', later = run === 'failed'): void {
    this.closeRun(task, run);
    if (run !== 'failed') task.excused += 1;
    if (task.cancelAsked) return this.finish(task, 'cancelled');
    task.status = 'queued';
    task.hold = later ? 'schedule' : null;
    task.due = !later;
    this.promote(task.key);
  }

  /** The leases that ran out. @returns the status of each task afterwards */
  reap(): { taskId: string; runId: string; workerId: string; status: TaskStatus }[] {
    const silent = this.tasks.filter(({ status, leaseOver }) => status === 'running' && leaseOver);
    return silent.map((task) => {
      const { id: runId, workerId } = task.runs.at(-1)!;
      this.lose(task, this.hasCompany(task));
      return { taskId: task.id, runId, workerId, status: task.status };
    });
  }

  private lose(task: ModelTask, inCompany: boolean): void {
    const lost = task.runs.filter(({ status }) => status === 'lost').length + 1;
    task.runs.at(-1)!.taken = true;
    if (lost < (inCompany ? LOST_RUNS_MAX : LOST_ALONE_MAX)) this.again(task, 'lost', inCompany && lost > 1);
    else this.end(task, task.cancelAsked ? 'cancelled' : 'failed', 'failed');
  }

  /** Whether the worker of this running task has, or lost, a run of another one. */
  private hasCompany(task: ModelTask): boolean {
    const { workerId } = task.runs.at(-1)!;
    return this.tasks.some(
      (other) =>
        other !== task &&
        other.runs.some((run) => run.workerId === workerId && (run.status === 'running' || run.taken)),
    );
  }

  cancel(task: ModelTask): void {
    if (task.status === 'queued') {
      task.cancelAsked = true;
      this.finish(task, 'cancelled');
    }
    if (task.status === 'running') task.cancelAsked = true;
  }

  /** Somebody has it run once more. */
  retry(task: ModelTask): void {
    if (task.status !== 'failed' && task.status !== 'cancelled') return;
    task.status = 'queued';
    task.maxAttempts = task.attempt - task.excused + 1;
    task.cancelAsked = false;
    task.expired = null;
    task.due = true;
    task.hold = task.key === null ? null : 'key';
    this.promote(task.key);
  }

  /** @returns how many were too late to start */
  failExpired(): number {
    const late = this.tasks.filter(
      ({ status, attempt, expired }) => status === 'queued' && attempt === 0 && expired === true,
    );
    // All of them first: none of them may be promoted in between.
    for (const task of late) Object.assign(task, { status: 'failed', hold: null });
    for (const task of late) {
      task.ends.push('failed');
      this.promote(task.key);
    }
    return late.length;
  }

  /** @returns how many had their time come */
  promoteDue(): number {
    const due = this.tasks.filter(({ hold, due }) => hold === 'schedule' && due);
    for (const task of due) task.hold = task.key === null ? null : 'key';
    for (const { key } of due) this.promote(key);
    return due.length;
  }

  private finish(task: ModelTask, status: 'completed' | 'failed' | 'cancelled'): void {
    task.status = status;
    task.hold = null;
    task.ends.push(status);
    this.promote(task.key);
  }

  private closeRun(task: ModelTask, status: RunStatus): void {
    task.runs.at(-1)!.status = status;
  }

  private promote(key: string | null): void {
    if (key === null) return;
    const ofKey = this.tasks.filter((task) => task.key === key && !isTerminal(task.status));
    if (ofKey.some(({ status, hold }) => status === 'running' || hold === null)) return;
    const [next] = byUrgency(ofKey.filter(({ hold }) => hold === 'key'));
    if (next) next.hold = null;
  }
}

/** Array.sort() is stable: among equals the oldest stays first. */
function byUrgency(tasks: ModelTask[]): ModelTask[] {
  return tasks.toSorted((a, b) => a.rank - b.rank);
}
