import type { Type } from '@nestjs/common';

export interface AgentOptions {
  /** 1-64 characters: lower-case letters, digits, `.`, `_`, `-`. Its tasks and events bear `agent:<name>`. */
  name: string;
  /** Completes the sentence "You are <name>, ..." for a model, and is shown by `GET /agents`. */
  description: string;
  /** Types of events, or patterns as `task.*`, that it is told of; none when it works by itself. */
  handles?: readonly string[];
  /** What it can do, in one or two words each. */
  capabilities?: readonly string[];
  /** A class with validators and defaults: what JCT_AGENTS_FILE says of this agent must fit it. */
  config?: Type<object>;
  /** An event that takes longer has failed. Default 60. */
  timeoutSeconds?: number;
  /** After so many failed attempts at one event it is given up. Default 5. */
  maxAttempts?: number;
  /** Events at once in one process. Default 5. */
  concurrency?: number;
}

const METADATA = 'jct:agent';

/**
 * Marks a provider as an agent.
 *
 * @throws Error at boot when the name is malformed, another agent has it, or the class does not extend BaseAgent
 */
export function Agent(options: AgentOptions): ClassDecorator {
  return (target) => Reflect.defineMetadata(METADATA, options, target);
}

/** What @Agent says of a class; undefined when it does not bear it. */
export function agentOptions(target: object): AgentOptions | undefined {
  return Reflect.getOwnMetadata(METADATA, target) as AgentOptions | undefined;
}
