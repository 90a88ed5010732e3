import { Injectable } from '@nestjs/common';
import { AppError } from '../common/errors.js';
import { newId } from '../common/ids.js';
import type { JsonObject } from '../common/json.js';
import { EventLog } from '../events/event-log.js';
import { isEventType } from '../events/event-types.js';
import type { EventCause } from '../events/event.entity.js';
import { TaskIntake } from '../tasks/task-intake.js';
import { TasksService } from '../tasks/tasks.service.js';
import type { AgentActions, AgentEvent, AgentTask, Handed } from './agent-actions.js';

/** An event that is being handled, and the name under which its handling happens once. */
export interface Occasion {
  eventId: string;
  deliveryId: string;
}

const KEY = /^[a-z0-9._-]{1,64}$/;

/** Where agents hand in what they want done: the intake and the policy of everybody. */
@Injectable()
export class AgentDesk {
  constructor(
    private readonly intake: TaskIntake,
    private readonly tasks: TasksService,
    private readonly events: EventLog,
  ) {}

  /** What an agent can do; about an event when there is an occasion. */
  of(agent: string, occasion?: Occasion): AgentActions {
    const causedBy: EventCause =
      occasion === undefined ? { kind: 'agent', id: agent } : { kind: 'event', id: occasion.eventId };
    const once = (key: string | null): string | null => {
      if (key === null) return null;
      if (!KEY.test(key)) throw new Error(`"${key}" cannot be the key of what an agent does`);
      return occasion === undefined ? `agent:${agent}:${key}` : `delivery:${occasion.deliveryId}:${key}`;
    };
    return {
      enqueue: (task, key) => this.enqueue(agent, task, once(key), causedBy),
      record: (event, key) => this.record(agent, event, once(key), causedBy),
    };
  }

  private async enqueue(
    agent: string,
    task: AgentTask,
    idempotencyKey: string | null,
    causedBy: EventCause,
  ): Promise<Handed> {
    const actor = `agent:${agent}`;
    try {
      const dto = this.intake.check({ ...task, source: actor });
      const caller = { actor, requestId: newId(), causedBy };
      const { id, status } = await this.tasks.enqueue(dto, idempotencyKey, caller);
      return { accepted: true, taskId: id, status };
    } catch (error) {
      if (!(error instanceof AppError) || error.status >= 500) throw error;
      const { code, publicMessage: message, extensions } = error;
      const violations = (extensions['violations'] ?? extensions['errors'] ?? []) as JsonObject[];
      return { accepted: false, code, message, violations };
    }
  }

  private async record(
    agent: string,
    event: AgentEvent,
    dedupId: string | null,
    causedBy: EventCause,
  ): Promise<string> {
    if (!isEventType(event.type)) throw new Error(`"${event.type}" cannot be the type of an event`);
    const recorded = await this.events.record({
      ...event,
      source: agent,
      dedupId,
      causedBy,
      actor: `agent:${agent}`,
    });
    return recorded.event.id;
  }
}
