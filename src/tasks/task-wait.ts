import { Injectable } from '@nestjs/common';
import { isDatabaseUnavailable } from '../database/database-errors.js';
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

  /**
   * @returns the task when it is terminal in time; null when it is not, when `signal` was aborted, or when the database can
   *   no longer be asked: the caller has a task, and is told so
   */
  async untilTerminal(id: string, seconds: number, signal: AbortSignal): Promise<TaskEntity | null> {
    const deadline = performance.now() + seconds * 1_000;
    while (!signal.aborted) {
      const left = Math.max(0, deadline - performance.now());
      // Subscribed before looking: an end in between is not missed.
      const settled = this.signals.next([`settled:${id}`], Math.min(LOOK_MS, left), signal);
      const task = await this.look(id);
      if (task === null) return null;
      if (isTerminal(task.status)) return task;
      if (left === 0) return null;
      await settled;
    }
    return null;
  }

  private async look(id: string): Promise<TaskEntity | null> {
    try {
      return await this.tasks.get(id);
    } catch (error) {
      if (isDatabaseUnavailable(error)) return null;
      throw error;
    }
  }
}
