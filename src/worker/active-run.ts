import type { StopReason } from '../task-types/executor.js';
import type { ClaimedTask } from '../tasks/queue/task-queue.js';

/** A run of this process, from its claim until its result is stored. */
export class ActiveRun {
  private readonly controller = new AbortController();
  private leaseLost = false;

  constructor(
    readonly task: ClaimedTask,
    /** `performance.now()` until when this process may believe that it holds the lease. */
    public trustedUntil: number,
  ) {}

  get id(): string {
    return this.task.runId;
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** Why the run was told to end, if it was. A lost lease overrules every other reason. */
  get stopReason(): StopReason | undefined {
    if (this.leaseLost) return 'lease_lost';
    return this.signal.aborted ? (this.signal.reason as StopReason) : undefined;
  }

  /** Tells the run to end; of several reasons the first counts. */
  stop(reason: StopReason): void {
    if (reason === 'lease_lost') this.leaseLost = true;
    this.controller.abort(reason);
  }
}
