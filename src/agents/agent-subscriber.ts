import type { JsonObject } from '../common/json.js';
import type { EventEntity } from '../events/event.entity.js';
import type { DeliveryContext, EventSubscriber } from '../events/event-subscribers.js';
import type { AgentDesk } from './agent-desk.js';
import type { AgentRows } from './agent-rows.js';
import type { AgentSupervisor } from './agent-supervisor.js';
import { type BaseAgent, DEFAULT_TIMEOUT_SECONDS } from './base-agent.js';
import { within } from './within.js';

const DEFAULT_ATTEMPTS_MAX = 5;
const DEFAULT_CONCURRENCY = 5;

/** The time of the delivery began a moment before ours. */
const TIMER_SLACK_MS = 100;

/**
 * An agent as events see it: what it does is counted, what it throws fails the attempt, and one that hangs is left behind
 * when its time is over. An agent that shall not run is passed by, and the delivery says why.
 */
export class AgentSubscriber implements EventSubscriber {
  readonly name: string;
  readonly handles: readonly string[];
  readonly timeoutSeconds: number;
  readonly maxAttempts: number;
  readonly concurrencyMax: number;

  constructor(
    private readonly agent: BaseAgent,
    private readonly supervisor: AgentSupervisor,
    private readonly desk: AgentDesk,
    private readonly rows: AgentRows,
  ) {
    const { timeoutSeconds, maxAttempts, concurrency } = agent.about;
    this.name = `agent:${agent.name}`;
    this.handles = [...agent.handledEventTypes];
    this.timeoutSeconds = timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS;
    this.maxAttempts = maxAttempts ?? DEFAULT_ATTEMPTS_MAX;
    this.concurrencyMax = concurrency ?? DEFAULT_CONCURRENCY;
  }

  /** None where the agent cannot run while it does elsewhere: what there is for it waits for a process where it can. */
  get concurrency(): number {
    const isServedElsewhere =
      this.supervisor.refusal(this.agent) === null && !this.supervisor.isWanted(this.agent);
    return isServedElsewhere ? 0 : this.concurrencyMax;
  }

  wants(event: EventEntity): string | null {
    if (event.actor === this.name) return 'It is the doing of the agent itself.';
    return this.supervisor.refusal(this.agent) ?? this.agent.declines(event);
  }

  async handle(event: EventEntity, delivery: DeliveryContext): Promise<JsonObject | null> {
    const refusal = this.supervisor.refusal(this.agent);
    if (refusal !== null) return { passed_by: refusal };
    const startedMs = performance.now();
    const counted = (error: string | null): Promise<void> =>
      this.rows.countEvent(this.agent.name, performance.now() - startedMs, error);
    try {
      const outcome = await this.attempt(event, delivery);
      await counted(null);
      return outcome;
    } catch (error) {
      // Broken off because the process stops, or another has taken over: the agent is not to blame.
      const spentMs = performance.now() - startedMs;
      if (delivery.signal.aborted && spentMs < this.timeoutSeconds * 1_000 - TIMER_SLACK_MS) throw error;
      const message = error instanceof Error ? error.message : String(error);
      this.agent.noteError(message);
      await counted(message);
      throw error;
    }
  }

  private async attempt(event: EventEntity, delivery: DeliveryContext): Promise<JsonObject | null> {
    const { signal, attempt, deliveryId } = delivery;
    // Its start is the business of the supervisor, who does not hurry after a failure.
    if (this.agent.status === 'error') throw new Error(this.agent.lastError ?? 'The agent does not run.');
    // The event may have come before the agent had started.
    await within(signal, this.agent.start());
    const actions = this.desk.of(this.agent.name, { eventId: event.id, deliveryId });
    return within(signal, this.agent.handleEvent(event, { actions, signal, attempt }));
  }
}
