import { Injectable } from '@nestjs/common';
import { Settings } from '../config/settings.js';
import type { BlockerDto, ExplanationDto } from './dto/explanation.dto.js';
import { TaskQueries } from './task-queries.js';
import type { TaskEntity } from './task.entity.js';
import { WorkerRegistry } from './worker-registry.js';
import type { WorkerEntity } from './worker.entity.js';

/** Answers "why does my task not run", from any process. */
@Injectable()
export class TaskExplanation {
  constructor(
    private readonly settings: Settings,
    private readonly queries: TaskQueries,
    private readonly workers: WorkerRegistry,
  ) {}

  async explain(task: TaskEntity): Promise<ExplanationDto> {
    const blockers = await this.blockers(task);
    return {
      task_id: task.id,
      status: task.status,
      summary: blockers[0]?.message ?? summary(task),
      blockers,
      policy: task.policy,
    };
  }

  private async blockers(task: TaskEntity): Promise<BlockerDto[]> {
    if (task.status === 'pending') {
      return [{ code: 'WAITS_FOR_APPROVAL', message: 'The task waits for an approval.', details: {} }];
    }
    if (task.status !== 'queued') return [];
    const held = await this.held(task);
    const workers = await this.workers.living(this.settings.leaseSeconds);
    return [...held, ...workersBlock(task, workers), ...(held.length === 0 ? await this.ahead(task) : [])];
  }

  private async held(task: TaskEntity): Promise<BlockerDto[]> {
    switch (task.hold) {
      case 'schedule': {
        const runAt = task.runAt.toISOString();
        return [
          {
            code: 'WAITS_FOR_TIME',
            message: `${whoStarts(task)} starts at ${runAt}.`,
            details: { run_at: runAt },
          },
        ];
      }
      case 'key': {
        const holder = await this.queries.keyHolder(task.concurrencyKey!);
        const details = { concurrency_key: task.concurrencyKey, held_by: holder?.id ?? null };
        const message = `Task ${holder?.id ?? '(just ended)'} holds the concurrency key "${task.concurrencyKey}".`;
        return [{ code: 'WAITS_FOR_KEY', message, details }];
      }
      case null:
        return [];
      default:
        return task.hold satisfies never;
    }
  }

  private async ahead(task: TaskEntity): Promise<BlockerDto[]> {
    const ahead = await this.queries.ahead(task);
    if (ahead === 0) return [];
    const message = `${ahead} tasks of the queue "${task.queue}" are more urgent or older.`;
    return [{ code: 'TASKS_AHEAD', message, details: { ahead } }];
  }
}

function whoStarts({ attempt, failureReason }: TaskEntity): string {
  if (attempt === 0) return 'The task';
  const what = failureReason === 'worker_lost' ? 'was lost with its worker' : 'failed';
  return `The last run ${what}; the next one`;
}

function workersBlock(task: TaskEntity, workers: WorkerEntity[]): BlockerDto[] {
  const fit = workers.filter(({ queues, types }) => queues.includes(task.queue) && types.includes(task.type));
  if (fit.length === 0) {
    const message =
      `No living worker serves the queue "${task.queue}" with tasks of type "${task.type}": ` +
      'start one, or add the queue to JCT_WORKER_QUEUES.';
    return [
      { code: 'NO_WORKER', message, details: { queue: task.queue, type: task.type, living: workers.length } },
    ];
  }
  const able = fit.filter(({ paused }) => paused === null);
  if (able.length === 0) {
    const reasons = [...new Set(fit.map(({ paused }) => paused))];
    return [
      {
        code: 'WORKERS_PAUSED',
        message: `Every worker that could take it pauses: ${reasons.join(' ')}`,
        details: { reasons },
      },
    ];
  }
  const slots = able.reduce((sum, worker) => sum + worker.slots, 0);
  // As of the last heartbeat of each worker.
  const busy = able.reduce((sum, worker) => sum + worker.busy, 0);
  if (busy < slots) return [];
  return [
    {
      code: 'NO_FREE_SLOT',
      message: `All ${slots} slots of its workers are taken.`,
      details: { slots, busy },
    },
  ];
}

function summary(task: TaskEntity): string {
  switch (task.status) {
    case 'queued':
      return 'Nothing is in its way; it starts as soon as a worker takes it.';
    case 'running':
      return task.cancelRequestedAt === null
        ? `Run ${task.attempt} goes on at worker ${task.workerId}.`
        : `Run ${task.attempt} is being stopped by worker ${task.workerId}.`;
    case 'completed':
      return `It has completed in run ${task.attempt}.`;
    case 'failed':
      return `It has failed (${task.failureReason}): ${task.error}`;
    case 'cancelled':
      return 'It was cancelled.';
    case 'pending':
      return 'It waits for an approval.';
    default:
      return task.status satisfies never;
  }
}
