import { Injectable } from '@nestjs/common';
import { Signals } from '../signals/signals.js';
import { isTerminal } from './task-status.js';
import { TasksService } from './tasks.service.js';
import type { TaskEntity } from './task.entity.js';

/** A settlement in another process may not be announced here, so the row is looked at this often. */
const LOOK_MS = 500;

/** Waits for the end of a task. */
@Injectable()
export class TaskWait {
  constructor(
    private readonly tasks: TasksService,
    private readonly signals: Signals,
  ) {}

  /** @returns the task when it is terminal in time; null when it is not, or when `signal` was aborted */
  async untilTerminal(id: string, seconds: number, signal: AbortSignal): Promise<TaskEntity | null> {
    const deadline = performance.now() + seconds * 1_000;
    while (!signal.aborted) {
      const left = Math.max(0, deadline - performance.now());
      // Subscribed before looking: an end in between is not missed.
      const settled = this.signals.next([`settled:${id}`], Math.min(LOOK_MS, left), signal);
      const task = await this.tasks.get(id);
      if (isTerminal(task.status)) return task;
      if (left === 0) return null;
      await settled;
    }
    return null;
  }
}
