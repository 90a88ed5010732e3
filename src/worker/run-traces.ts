import { Injectable } from '@nestjs/common';
import { secretValues, Settings } from '../config/settings.js';
import { Signals } from '../signals/signals.js';
import { TraceStorageError } from '../traces/trace-storage-error.js';
import { TraceStore } from '../traces/trace-store.js';
import type { TraceWriter } from '../traces/trace-writer.js';
import type { ActiveRun } from './active-run.js';
import { DiskGuard } from './disk-guard.js';
import { runInput } from './run-documents.js';

/** Begins the trace of a run: masks the server's secrets, announces the growth of its log, reports a disk that fails. */
@Injectable()
export class RunTraces {
  private readonly secrets: readonly string[];

  constructor(
    settings: Settings,
    private readonly signals: Signals,
    private readonly traces: TraceStore,
    private readonly disk: DiskGuard,
  ) {
    this.secrets = secretValues(settings);
  }

  /** The trace with its input.json written; nothing has run yet. */
  async begin({ task, id: runId }: ActiveRun, startedAt: Date): Promise<TraceWriter | TraceStorageError> {
    try {
      const trace = await this.traces.open({
        taskId: task.id,
        taskCreatedAt: task.createdAt,
        attempt: task.attempt,
        runId,
        startedAt,
        secrets: this.secrets,
        onLogGrowth: () => this.signals.announce(`log:${task.id}`),
      });
      await trace.input(runInput(task)).catch(async (error: unknown) => {
        await trace.abandon();
        throw error;
      });
      return trace;
    } catch (error) {
      return this.failed(error);
    }
  }

  /** Any error of writing a trace to the one that is reported; the disk is watched from now on. */
  failed(error: unknown): TraceStorageError {
    this.disk.suspect();
    return error instanceof TraceStorageError ? error : TraceStorageError.of('The trace', error);
  }
}
