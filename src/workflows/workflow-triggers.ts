import { Injectable, Logger } from '@nestjs/common';
import { AppError } from '../common/errors.js';
import type { JsonObject } from '../common/json.js';
import { type EventSubscriber, EventSubscribers } from '../events/event-subscribers.js';
import type { EventEntity } from '../events/event.entity.js';
import { Signals } from '../signals/signals.js';
import { compile } from './definition/expression.js';
import { TRIGGER_SCOPE } from './definition/scopes.js';
import { RunAncestry } from './runs/run-ancestry.js';
import { eventView } from './runs/event-view.js';
import { DEPTH_MAX, RunStarter } from './runs/run-starter.js';
import { WorkflowStore } from './workflow-store.js';
import type { WorkflowEntity } from './workflow.entity.js';

const HANDLE_SECONDS = 30;
const ATTEMPTS_MAX = 10;

/** Starts runs at events: one subscriber for each active workflow that has triggers. */
@Injectable()
export class WorkflowTriggers {
  private readonly logger = new Logger('Workflows');
  private readonly subscribed = new Map<string, { hash: string; remove: () => void }>();
  private seen: string | null = null;

  constructor(
    private readonly subscribers: EventSubscribers,
    private readonly signals: Signals,
    private readonly store: WorkflowStore,
    private readonly starter: RunStarter,
    private readonly ancestry: RunAncestry,
  ) {}

  /** Makes the subscribers of this process those of the stored workflows. */
  async refresh(): Promise<void> {
    const state = await this.store.activeState();
    if (state === this.seen) return;
    const active = (await this.store.active()).filter(({ triggerEvents }) => triggerEvents.length > 0);
    for (const [name, { remove }] of this.subscribed) {
      if (active.some((workflow) => workflow.name === name)) continue;
      remove();
      this.subscribed.delete(name);
    }
    for (const workflow of active) this.subscribe(workflow);
    this.seen = state;
  }

  clear(): void {
    for (const { remove } of this.subscribed.values()) remove();
    this.subscribed.clear();
    this.seen = null;
  }

  private subscribe(workflow: WorkflowEntity): void {
    const known = this.subscribed.get(workflow.name);
    if (known?.hash === workflow.hash) return;
    known?.remove();
    const remove = this.subscribers.add(this.subscriber(workflow));
    this.subscribed.set(workflow.name, { hash: workflow.hash, remove });
  }

  private subscriber({ name, triggerEvents, triggerConditions }: WorkflowEntity): EventSubscriber {
    return {
      name: `workflow:${name}`,
      handles: triggerEvents,
      timeoutSeconds: HANDLE_SECONDS,
      maxAttempts: ATTEMPTS_MAX,
      concurrency: 2,
      wants: (event) => refusal(triggerConditions, event),
      handle: (event) => this.start(name, event),
    };
  }

  /** Under the id of the event, so that a delivery that is repeated starts no second run. */
  private async start(name: string, event: EventEntity): Promise<JsonObject> {
    const workflow = await this.store.find(name);
    if (workflow?.isActive !== true)
      return { started: false, reason: 'The workflow is not active any more.' };
    const ancestry = await this.ancestry.of(event);
    if (ancestry.workflows.includes(name)) {
      return { started: false, reason: `Run ${ancestry.runId!} of this workflow caused the event itself.` };
    }
    if (ancestry.depth > DEPTH_MAX) {
      return { started: false, reason: `More than ${DEPTH_MAX} runs led to this event: that is a circle.` };
    }
    try {
      const { run } = await this.starter.start({
        workflow,
        trigger: 'event',
        inputs: {},
        event: eventView(event),
        idempotencyKey: `event:${event.id}:${name}`,
        requestedBy: `workflow:${name}`,
        depth: ancestry.depth,
      });
      this.signals.announce('workflows');
      return { started: true, run_id: run.id };
    } catch (error) {
      if (!(error instanceof AppError) || error.status >= 500) throw error;
      const reason = `${error.publicMessage} ${JSON.stringify(error.extensions['errors'] ?? '')}`;
      this.logger.warn(`Event ${event.id} (${event.type}) does not start workflow ${name}: ${reason}`);
      return { started: false, reason };
    }
  }
}

function refusal(condition: string | null, event: EventEntity): string | null {
  if (condition === null) return null;
  const made = compile(condition, TRIGGER_SCOPE);
  const holds = made.ok ? made.expression.holds({ event: eventView(event) }) : made;
  if (!holds.ok) return `Its condition cannot be told: ${holds.message}`;
  return holds.value ? null : `Its condition is false: ${condition}`;
}
