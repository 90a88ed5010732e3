import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import type { EventCause, EventEntity } from '../../events/event.entity.js';
import { EventEntity as Events } from '../../events/event.entity.js';
import { TaskEntity } from '../../tasks/task.entity.js';
import { WorkflowRunEntity } from './workflow-run.entity.js';

/** The runs that led to an event. */
export interface Ancestry {
  /** How many. */
  depth: number;
  /** Their workflows, the newest first; of chains longer than a few links not all. */
  workflows: string[];
  /** The newest of them. */
  runId: string | null;
}

const LINKS_MAX = 20;

/** Follows causes back, so that a workflow that reacts to its own effects does not go on for ever. */
@Injectable()
export class RunAncestry {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  async of(event: EventEntity): Promise<Ancestry> {
    const found: Ancestry = { depth: 0, workflows: [], runId: null };
    let cause = event.causedBy;
    for (let link = 0; cause !== null && link < LINKS_MAX; link += 1) {
      const next = await this.follow(cause);
      if (next?.run !== undefined) {
        if (found.runId === null) found.depth = next.run.depth + 1;
        found.runId ??= next.run.id;
        found.workflows.push(next.run.workflowName);
      }
      cause = next?.cause ?? null;
    }
    return found;
  }

  private async follow(
    cause: EventCause,
  ): Promise<{ cause: EventCause | null; run?: WorkflowRunEntity } | null> {
    const { manager } = this.dataSource;
    const { kind, id } = cause;
    if (kind === 'task') {
      const task = await manager.findOneBy(TaskEntity, { id });
      const by = task?.causedByKind ?? null;
      return { cause: by === null ? null : { kind: by, id: task!.causedById! } };
    }
    if (kind === 'event') {
      const event = await manager.findOneBy(Events, { id });
      return { cause: event?.causedBy ?? null };
    }
    if (kind !== 'workflow_run') return null;
    const run = await manager.findOneBy(WorkflowRunEntity, { id });
    if (run === null) return null;
    const eventId: unknown = run.event['id'];
    return { run, cause: typeof eventId === 'string' ? { kind: 'event', id: eventId } : null };
  }
}
