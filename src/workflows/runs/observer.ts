import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { Brackets, DataSource, In } from 'typeorm';
import { EventEntity } from '../../events/event.entity.js';
import { TaskEntity } from '../../tasks/task.entity.js';
import type { Definition } from '../definition/definition.js';
import { compile } from '../definition/expression.js';
import { RECEIVED_SCOPE } from '../definition/scopes.js';
import { eventView } from './event-view.js';
import { RunBoard } from './run-board.js';
import type { Observations, RunState } from './run-state.js';
import { WorkflowRunEntity } from './workflow-run.entity.js';
import type { WorkflowStepEntity } from './workflow-step.entity.js';

/** Events are numbered when they are written, not when they are committed: one that came late may be older than one seen. */
const LATE_COMMIT_MS = 60_000;
const PAGE = 200;
const PAGES_MAX = 50;

/** Reads how things stand outside of a run: its tasks, the workflows that it started, the events that it waits for. */
@Injectable()
export class Observer {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  async observe(
    definition: Definition,
    run: RunState,
    steps: readonly WorkflowStepEntity[],
    now: Date,
  ): Promise<Observations> {
    const running = steps.filter(({ status }) => status === 'running');
    const { manager } = this.dataSource;
    const taskIds = running.flatMap(({ taskId }) => (taskId === null ? [] : [taskId]));
    const childIds = running.flatMap(({ childRunId }) => (childRunId === null ? [] : [childRunId]));
    const tasks = taskIds.length === 0 ? [] : await manager.findBy(TaskEntity, { id: In(taskIds) });
    const children =
      childIds.length === 0 ? [] : await manager.findBy(WorkflowRunEntity, { id: In(childIds) });
    const received: [string, ReturnType<typeof eventView>][] = [];
    for (const step of running.filter(({ waitPattern }) => waitPattern !== null)) {
      const event = await this.received(definition, run, steps, step, now);
      if (event !== null) received.push([step.name, eventView(event)]);
    }
    return {
      now,
      tasks: new Map(tasks.map(({ id, status, result, error }) => [id, { status, result, error }])),
      children: new Map(children.map(({ id, status, error }) => [id, { status, error }])),
      received: new Map(received),
    };
  }

  /** The id of the task that was handed over under this key; null when none was. */
  async taskOf(idempotencyKey: string): Promise<string | null> {
    const task = await this.dataSource.manager.findOne(TaskEntity, {
      where: { idempotencyKey },
      select: { id: true },
    });
    return task?.id ?? null;
  }

  async runOf(idempotencyKey: string): Promise<string | null> {
    const run = await this.dataSource.manager.findOne(WorkflowRunEntity, {
      where: { idempotencyKey },
      select: { id: true },
    });
    return run?.id ?? null;
  }

  /** The first event that the step waits for. Until when there is none is remembered in `step.waitSeenAt`. */
  private async received(
    definition: Definition,
    run: RunState,
    steps: readonly WorkflowStepEntity[],
    step: WorkflowStepEntity,
    now: Date,
  ): Promise<EventEntity | null> {
    const spec = definition.steps.find(({ name }) => name === step.name)!.wait_for!;
    const begin = (spec.since === 'run' ? run.startedAt : step.startedAt) ?? now;
    const seen = step.waitSeenAt ?? begin;
    const board = new RunBoard(definition, run, steps, {
      now,
      tasks: new Map(),
      children: new Map(),
      received: new Map(),
    });
    const fits = (event: EventEntity): boolean => {
      if (spec.if === null) return true;
      const made = compile(spec.if, RECEIVED_SCOPE);
      // An event that lacks what the condition asks for is none that fits.
      const holds = made.ok ? made.expression.holds(board.scope({ received: eventView(event) })) : made;
      return holds.ok && holds.value;
    };
    let after = { at: new Date(Math.max(begin.getTime(), seen.getTime() - LATE_COMMIT_MS)), id: '' };
    for (let page = 0; page < PAGES_MAX; page += 1) {
      const events = await this.page(step.waitPattern!, after);
      const found = events.find(fits);
      if (found !== undefined) return found;
      const last = events.at(-1);
      if (last !== undefined) after = { at: last.createdAt, id: last.id };
      if (events.length < PAGE) {
        // Up to here there is none; the next look need not read all of it again.
        step.waitSeenAt = now > seen ? now : seen;
        break;
      }
    }
    return null;
  }

  private page(pattern: string, after: { at: Date; id: string }): Promise<EventEntity[]> {
    const builder = this.dataSource
      .createQueryBuilder(EventEntity, 'event')
      .where('event.type LIKE :pattern', { pattern })
      .orderBy('event.createdAt', 'ASC')
      .addOrderBy('event.id', 'ASC')
      .take(PAGE);
    if (after.id === '') builder.andWhere('event.createdAt >= :at', { at: after.at });
    else
      builder.andWhere(
        new Brackets((either) =>
          either
            .where('event.createdAt > :at', after)
            .orWhere('(event.createdAt = :at AND event.id > :id)', after),
        ),
      );
    return builder.getMany();
  }
}
