import type { JsonObject } from '../common/json.js';
import type { EventPriority } from '../events/event.entity.js';

/** A task as clients hand it in; `source` and `idempotency_key` are not the agent's to choose. */
export interface AgentTask {
  type: string;
  payload: JsonObject;
  priority?: 'low' | 'medium' | 'high' | 'critical';
  target?: JsonObject;
  options?: JsonObject;
  tags?: string[];
  metadata?: JsonObject;
}

/** What came of handing in a task: a refusal is an answer, with the words of the API. */
export type Handed =
  | { accepted: true; taskId: string; status: string }
  | {
      accepted: false;
      code: string;
      message: string;
      /** As in the problem document: of policy, or of the schema. */ violations: JsonObject[];
    };

export interface AgentEvent {
  type: string;
  data: JsonObject;
  priority?: EventPriority;
  tags?: Record<string, string>;
}

/**
 * All that an agent can do: as itself, under the policy that everybody is under. What it does about an event says so
 * (`caused_by`) and happens once, however often the event is handled.
 *
 * `key` tells apart what is done about one event, e.g. `follow-up`: at most 64 characters of `a-z`, `0-9`, `.`, `_`, `-`.
 * Outside of an event it names the deed for good, and may be null for one that has no name.
 */
export interface AgentActions {
  /** Hands in a task as `agent:<name>`. */
  enqueue(task: AgentTask, key: string | null): Promise<Handed>;
  /** Records an event with the agent as its source. @returns its id */
  record(event: AgentEvent, key: string | null): Promise<string>;
}
