import { Injectable, Logger } from '@nestjs/common';
import type { JsonObject } from '../common/json.js';
import { toAppError, toProblem } from '../http/problem.js';
import { TaskIntake } from './task-intake.js';
import { type Caller, TasksService } from './tasks.service.js';

/** Hands in many tasks, one after the other in their order; one that is refused does not fail the others. */
@Injectable()
export class TaskBatch {
  private readonly logger = new Logger('Http');

  constructor(
    private readonly intake: TaskIntake,
    private readonly tasks: TasksService,
  ) {}

  /**
   * From the first 503 on the others get the same: each might take as long to find out.
   *
   * @returns for each task the answer or the problem that it would have got alone, with its `status_code`
   */
  async enqueue(tasks: JsonObject[], instance: string, caller: Caller): Promise<JsonObject[]> {
    const items: JsonObject[] = [];
    for (const task of tasks) {
      const last = items.at(-1);
      items.push(last?.['status_code'] === 503 ? last : await this.enqueueOne(task, instance, caller));
    }
    return items;
  }

  private async enqueueOne(sent: JsonObject, instance: string, caller: Caller): Promise<JsonObject> {
    try {
      const body = this.intake.check(sent);
      const { id, status, createdAt, replayed } = await this.tasks.enqueue(
        body,
        body.idempotency_key ?? null,
        caller,
      );
      return { task_id: id, status, created_at: createdAt.toISOString(), status_code: replayed ? 200 : 201 };
    } catch (error) {
      const shown = toAppError(error);
      if (shown.status === 500)
        this.logger.error(`A task of a batch failed request_id=${caller.requestId}`, (error as Error).stack);
      return { ...toProblem(shown, instance, caller.requestId), status_code: shown.status };
    }
  }
}
