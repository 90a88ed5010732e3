import { Injectable } from '@nestjs/common';
import { Signals } from '../signals/signals.js';
import { isTerminal, type TaskStatus } from '../tasks/task-status.js';
import { TasksService } from '../tasks/tasks.service.js';
import type { TaskEntity } from '../tasks/task.entity.js';
import { TraceStore } from '../traces/trace-store.js';
import { RunLocator } from './run-locator.js';

/** A place in the logs of a task: which run, and how many bytes of its log have been seen. */
export interface LogPosition {
  run: number;
  offsetBytes: number;
}

export type LogPart =
  | { kind: 'run'; position: LogPosition; worker_id: string | null }
  /** Whole lines, unless one line is longer than a part. */
  | { kind: 'log'; position: LogPosition; text: string }
  /** The log of this run cannot be read here, and why. Once a run. */
  | { kind: 'missing'; position: LogPosition; message: string }
  | { kind: 'end'; position: LogPosition; status: TaskStatus };

/** Growth in another process may not be announced here, so the file is looked at this often. */
const LOOK_MS = 500;
const PART_BYTES_MAX = 65_536;

/** Follows the logs of a task over all its runs, until the task has ended. */
@Injectable()
export class LogFollower {
  constructor(
    private readonly tasks: TasksService,
    private readonly traces: TraceStore,
    private readonly locator: RunLocator,
    private readonly signals: Signals,
  ) {}

  /** Reads on as the consumer asks for more: who reads slowly is given larger parts, and memory stays bounded. */
  async *follow(taskId: string, from: LogPosition | null, gone: AbortSignal): AsyncGenerator<LogPart> {
    let position = from ?? { run: 0, offsetBytes: 0 };
    let task: TaskEntity | null = null;
    let lookAgainAt = 0;
    let toldOf = 0;
    const unsubscribe = this.signals.on(`settled:${taskId}`, () => (lookAgainAt = 0));
    try {
      while (!gone.aborted) {
        const now = performance.now();
        // Subscribed before looking: what happens in between is not missed.
        const changed = this.signals.next([`log:${taskId}`, `settled:${taskId}`], LOOK_MS, gone);
        // The row first, the file afterwards: a run that has ended by now has written its last byte. A busy log grows
        // hundreds of times a second; the row is not read again for that.
        if (task === null || now >= lookAgainAt) {
          lookAgainAt = now + LOOK_MS;
          task = await this.tasks.get(taskId);
        }
        if (position.run === 0 && task.attempt > 0) position = yield* this.enter(task, task.attempt);
        if (position.run > 0) position = yield* this.rest(task, position);
        const missing = toldOf === position.run ? null : await this.missing(task, position.run);
        if (missing !== null) {
          toldOf = position.run;
          yield { kind: 'missing', position, message: missing };
        }
        if (position.run < task.attempt && position.run > 0)
          position = yield* this.enter(task, position.run + 1);
        else if (isTerminal(task.status)) {
          yield { kind: 'end', position, status: task.status };
          return;
        } else await changed;
      }
    } finally {
      unsubscribe();
    }
  }

  private async missing(task: TaskEntity, run: number): Promise<string | null> {
    if (run === 0 || (await this.traces.exists(this.traces.pathOf(task, run)))) return null;
    return this.locator.missing(task.id, run);
  }

  private *enter(task: TaskEntity, run: number): Generator<LogPart, LogPosition> {
    const position = { run, offsetBytes: 0 };
    yield { kind: 'run', position, worker_id: run === task.attempt ? task.workerId : null };
    return position;
  }

  /** Everything that the log of this run holds by now. */
  private async *rest(task: TaskEntity, from: LogPosition): AsyncGenerator<LogPart, LogPosition> {
    let position = from;
    const path = this.traces.pathOf(task, position.run);
    const ended = position.run < task.attempt || isTerminal(task.status);
    for (;;) {
      const section = await this.traces.readLog(path, { offsetBytes: position.offsetBytes });
      if (section === undefined) return position;
      let sent = 0;
      for await (const bytes of parts(section.stream as AsyncIterable<Buffer>, ended)) {
        sent += bytes.length;
        position = { run: position.run, offsetBytes: position.offsetBytes + bytes.length };
        yield { kind: 'log', position, text: bytes.toString('utf8') };
      }
      if (sent === 0) return position;
    }
  }
}

/** Bytes in parts that end with a line where possible. An unfinished last line is left for later, unless nothing will follow. */
async function* parts(stream: AsyncIterable<Buffer>, whole: boolean): AsyncGenerator<Buffer> {
  let held: Buffer = Buffer.alloc(0);
  for await (const chunk of stream) {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    const end = held.lastIndexOf(0x0a) + 1 || (held.length >= PART_BYTES_MAX ? held.length : 0);
    if (end > 0) yield held.subarray(0, end);
    held = held.subarray(end);
  }
  if (whole && held.length > 0) yield held;
}
