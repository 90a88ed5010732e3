import { setTimeout as delay } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { Clock } from '../common/clock.js';
import type { JsonObject } from '../common/json.js';
import type { Outcome } from '../task-types/outcome.js';
import { TaskTypeRegistry } from '../task-types/task-type-registry.js';
import type { Ending } from '../tasks/queue/ending.js';
import { LateResults } from '../tasks/queue/late-results.js';
import { TaskQueue } from '../tasks/queue/task-queue.js';
import type { LateResult } from '../tasks/task-run.entity.js';
import { RunClock } from '../traces/run-clock.js';
import { TraceStorageError } from '../traces/trace-storage-error.js';
import type { TraceWriter } from '../traces/trace-writer.js';
import type { ActiveRun } from './active-run.js';
import { decideEnding } from './decide-ending.js';
import { failedBecause, runContext, runManifest, runOutput } from './run-documents.js';
import { RunTraces } from './run-traces.js';

const SETTLE_RETRY_MS = 500;

/** One run from its trace's first byte to the task's next state. Never rejects: whatever happens becomes an ending. */
@Injectable()
export class TaskRunner {
  private readonly logger = new Logger('Worker');

  constructor(
    private readonly clock: Clock,
    private readonly types: TaskTypeRegistry,
    private readonly traces: RunTraces,
    private readonly queue: TaskQueue,
    private readonly late: LateResults,
  ) {}

  async run(run: ActiveRun): Promise<void> {
    const clock = new RunClock(this.clock.now());
    const trace = await this.traces.begin(run, clock.startedAt);
    if (trace instanceof TraceStorageError) return this.settle(run, storageFailure(run, trace), null);

    const outcome = await this.execute(run, trace);
    const ending = decideEnding(outcome, run.stopReason, retryFacts(run));
    if (ending !== null) return this.seal(run, trace, ending, clock);
    this.logger.warn(`Run ${run.id} of task ${run.task.id}: lease lost, its result is dropped`);
    await trace.event('run.lease_lost').catch(() => undefined);
    await trace.abandon();
    const failure = outcome.status === 'failed' ? trace.masker.maskJson({ ...outcome.failure }) : null;
    await this.recordLate(run, { status: outcome.status, failure, manifest_sha256: null });
  }

  private async execute(run: ActiveRun, trace: TraceWriter): Promise<Outcome> {
    const { task } = run;
    const type = this.types.find(task.type);
    // The claim asks for known types only; this is for a registry that changed in between.
    if (type === undefined)
      return failedBecause('error', `There is no executor for ${task.type} here.`, true);
    const timer = setTimeout(() => run.stop('timeout'), task.options.timeout_seconds * 1_000);
    try {
      await trace.event('run.started', { type: task.type, attempt: task.attempt, worker_id: task.workerId });
      const outcome = await type.executor.execute(runContext(run, type.payload, trace));
      await trace.event('run.ended', { status: outcome.status, stopped_by: run.stopReason ?? null });
      return outcome;
    } catch (error) {
      return this.thrown(run, trace, error);
    } finally {
      clearTimeout(timer);
    }
  }

  private thrown(run: ActiveRun, trace: TraceWriter, error: unknown): Outcome {
    if (error instanceof TraceStorageError)
      return failedBecause('trace_storage', this.traces.failed(error).message, true);
    const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
    this.logger.error(`Run ${run.id} of task ${run.task.id}: the executor of ${run.task.type} failed`, stack);
    return failedBecause('error', trace.masker.mask(`${name}: ${message}`), true);
  }

  private async seal(run: ActiveRun, trace: TraceWriter, ending: Ending, clock: RunClock): Promise<void> {
    // Not what the wall clock says now: somebody may have set it since the start.
    const finishedAt = clock.now();
    const plain: JsonObject = ending;
    const masked = trace.masker.maskJson(plain) as Ending;
    try {
      const sealed = await trace.seal({
        output: runOutput(masked, clock.startedAt, finishedAt),
        manifest: runManifest(run.task, masked, finishedAt),
      });
      await this.settle(run, masked, sealed.sha256);
    } catch (error) {
      await trace.abandon();
      await this.settle(run, storageFailure(run, this.traces.failed(error)), null);
    }
  }

  /**
   * Tries for as long as the lease can be trusted now: a short absence of the database does not lose a result, and one
   * that the database refuses is not offered for ever, with a lease that is renewed for it. And once in any case: whether
   * the lease still holds is decided by the statement, and what comes too late is kept as evidence.
   */
  private async settle(run: ActiveRun, ending: Ending | null, manifestSha256: string | null): Promise<void> {
    if (ending === null) return;
    const { trustedUntil } = run;
    let again = false;
    do {
      try {
        const settled = await (again
          ? this.queue.settleAgain(run.id, ending, manifestSha256)
          : this.queue.settle(run.id, ending, manifestSha256));
        if (!settled.kept) {
          this.logger.warn(`Run ${run.id} of task ${run.task.id}: lease lost, its result is dropped`);
          await this.recordLate(run, lateResult(ending, manifestSha256));
        }
        return;
      } catch (error) {
        this.logger.warn(
          `Run ${run.id} of task ${run.task.id} could not be settled: ${(error as Error).message}`,
        );
        again = true;
        await delay(SETTLE_RETRY_MS);
      }
    } while (performance.now() < trustedUntil);
    this.logger.error(
      `Run ${run.id} of task ${run.task.id}: its result could not be stored in time; it will run again`,
    );
  }

  /** Evidence, not truth: when it cannot be stored, the log and the run's events.jsonl still have it. */
  private async recordLate(run: ActiveRun, late: Omit<LateResult, 'reported_at'>): Promise<void> {
    const reported = { ...late, reported_at: this.clock.now().toISOString() };
    await this.late.record(run.id, reported).catch((error: unknown) => {
      this.logger.warn(`The late result of run ${run.id} was not recorded: ${(error as Error).message}`);
    });
  }
}

function lateResult(ending: Ending, manifestSha256: string | null): Omit<LateResult, 'reported_at'> {
  return ending.status === 'completed'
    ? { status: 'completed', failure: null, manifest_sha256: manifestSha256 }
    : { status: 'failed', failure: ending.failure, manifest_sha256: manifestSha256 };
}

function storageFailure(run: ActiveRun, error: TraceStorageError): Ending | null {
  return decideEnding(failedBecause('trace_storage', error.message, true), run.stopReason, retryFacts(run));
}

function retryFacts({ task }: ActiveRun): Parameters<typeof decideEnding>[2] {
  const { attempt, excusedRuns, maxAttempts, options } = task;
  const { timeout_seconds: timeoutSeconds, retry_delay_seconds: retryDelaySeconds } = options;
  return { attempt, excusedRuns, maxAttempts, timeoutSeconds, retryDelaySeconds };
}
