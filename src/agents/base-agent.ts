import type { JsonObject } from '../common/json.js';
import type { EventEntity } from '../events/event.entity.js';
import { type AgentOptions, agentOptions } from './agent.decorator.js';
import type { AgentActions } from './agent-actions.js';
import { within } from './within.js';

export const AGENT_STATUSES = ['stopped', 'starting', 'running', 'stopping', 'error'] as const;
export type AgentStatus = (typeof AGENT_STATUSES)[number];

export const AGENT_HEALTHS = ['unknown', 'healthy', 'warning', 'critical'] as const;

export interface AgentHealth {
  status: (typeof AGENT_HEALTHS)[number];
  /** What it is judged by. */
  details: JsonObject | null;
}

export const DEFAULT_TIMEOUT_SECONDS = 60;

/** What an agent has while it handles one event. */
export interface EventContext {
  /** Whose deeds are the doing of this event. */
  actions: AgentActions;
  /** Aborted when the time is over or the process stops: then return or throw. */
  signal: AbortSignal;
  /** 1 for the first. */
  attempt: number;
}

/**
 * Somebody who reacts to events, or watches something by itself, and acts through AgentActions alone. There is one
 * instance in each process whose role includes the worker; an event is handled by one of them.
 *
 * @example
 * ```ts
 * @Agent({ name: 'tidy', description: 'who cleans up after deployments', handles: ['deployment.completed'] })
 * @Injectable()
 * export class TidyAgent extends BaseAgent {
 *   async handleEvent(event: EventEntity, { actions }: EventContext): Promise<JsonObject | null> {
 *     const handed = await actions.enqueue({ type: 'cleanup', payload: { what: 'workspaces', older_than_days: 1 } }, 'sweep');
 *     return { ...handed };
 *   }
 * }
 * ```
 */
export abstract class BaseAgent<C extends object = object> {
  /** What @Agent says of this class. */
  readonly about: AgentOptions = optionsOf(this);
  readonly handledEventTypes: ReadonlySet<string> = new Set(this.about.handles ?? []);
  /** Its configuration, validated. */
  protected config: C;
  /** For what it does by itself; about an event, use those of the EventContext. */
  protected actions: AgentActions;
  /** To be set by the agent as often as it judges itself. */
  protected ownHealth: AgentHealth = { status: 'unknown', details: null };

  // Not `private`: an agent may use the same names for its own.
  #status: AgentStatus = 'stopped';
  #startedAt: Date | null = null;
  #errorCount = 0;
  #lastError: string | null = null;
  #changing: Promise<void> = Promise.resolve();

  get name(): string {
    return this.about.name;
  }
  get status(): AgentStatus {
    return this.#status;
  }
  get health(): AgentHealth {
    return this.ownHealth;
  }
  get startedAt(): Date | null {
    return this.#startedAt;
  }
  /** Since this process began: failed starts, failed stops, events that it threw at or hung on. */
  get errorCount(): number {
    return this.#errorCount;
  }
  get lastError(): string | null {
    return this.#lastError;
  }

  /** Called once, before anything else. */
  equip(config: object, actions: AgentActions): void {
    this.config = config as C;
    this.actions = actions;
  }

  /** Why it cannot run here, as a sentence; it then stays stopped. null: it can. */
  blocked(): string | null {
    return null;
  }

  /** Why it does not want this event of a type that it handles, as a sentence; null: it does. Must not wait for anything. */
  declines(_event: EventEntity): string | null {
    return null;
  }

  /**
   * Starts it; does nothing when it runs or is blocked, and waits when it is starting or stopping.
   *
   * @throws whatever initialise() throws; the status is then `error`
   */
  start(): Promise<void> {
    return this.#change(async () => {
      if (this.#status === 'running' || this.blocked() !== null) return;
      await this.#move('starting', 'running', () => this.initialise());
      this.#startedAt = new Date();
    });
  }

  /** Stops it; does nothing when it is stopped. @throws whatever cleanUp() throws; the status is then `error` */
  stop(): Promise<void> {
    return this.#change(async () => {
      if (this.#status === 'stopped') return;
      await this.#move('stopping', 'stopped', () => this.cleanUp());
      this.#startedAt = null;
    });
  }

  /** Counts an error that is not one of start() or stop(). */
  noteError(message: string): void {
    this.#errorCount += 1;
    this.#lastError = message;
  }

  /**
   * Reacts to an event of a type that it handles. May be called again for the same event, when it failed or its process died.
   *
   * @returns what came of it, stored with the delivery
   */
  abstract handleEvent(event: EventEntity, context: EventContext): Promise<JsonObject | null>;

  /** What must be there before it runs. */
  protected initialise(): Promise<void> {
    return Promise.resolve();
  }

  /** Gives back what initialise() took. */
  protected cleanUp(): Promise<void> {
    return Promise.resolve();
  }

  /** One change at a time, in the order in which they were asked for. */
  #change(work: () => Promise<void>): Promise<void> {
    const changed = this.#changing.catch(() => undefined).then(work);
    this.#changing = changed;
    return changed;
  }

  async #move(during: AgentStatus, after: AgentStatus, work: () => Promise<void>): Promise<void> {
    this.#status = during;
    try {
      const seconds = this.about.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS;
      await within(
        AbortSignal.timeout(seconds * 1_000),
        work(),
        `${this.name} was ${during} for more than ${seconds} s.`,
      );
      this.#status = after;
    } catch (error) {
      this.#status = 'error';
      this.#startedAt = null;
      this.noteError(error instanceof Error ? error.message : String(error));
      throw error;
    }
  }
}

function optionsOf(agent: object): AgentOptions {
  const options = agentOptions(agent.constructor);
  if (options === undefined)
    throw new Error(`${agent.constructor.name} extends BaseAgent without @Agent({...})`);
  return options;
}
