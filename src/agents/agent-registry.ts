import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { ConfigurationError, Settings } from '../config/settings.js';
import { isEventPattern } from '../events/event-pattern.js';
import { agentOptions } from './agent.decorator.js';
import { AgentDesk } from './agent-desk.js';
import { agentConfig, readAgentsFile } from './agents-file.js';
import { BaseAgent } from './base-agent.js';

/** With `agent:` before it, it must fit the source of a task. */
const NAME = /^[a-z0-9][a-z0-9._-]{0,47}$/;

/** Every agent of this process: found once at boot, proved unambiguous, and given what it works with. */
@Injectable()
export class AgentRegistry implements OnModuleInit {
  private readonly agents = new Map<string, BaseAgent>();
  private readonly configs = new Map<string, object>();

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly settings: Settings,
    private readonly desk: AgentDesk,
  ) {}

  /** @throws Error naming both classes when two agents have one name; ConfigurationError */
  onModuleInit(): void {
    const given = readAgentsFile(this.settings.agentsFile);
    for (const { metatype, instance } of this.discovery.getProviders()) {
      if (typeof metatype !== 'function' || !instance || agentOptions(metatype) === undefined) continue;
      this.register(instance as object, given);
    }
    const unknown = [...given.keys()].filter((name) => !this.agents.has(name));
    if (unknown.length > 0) {
      throw new ConfigurationError(
        unknown.map(
          (name) => `JCT_AGENTS_FILE: there is no agent "${name}"; there are ${this.names().join(', ')}`,
        ),
      );
    }
  }

  find(name: string): BaseAgent | undefined {
    return this.agents.get(name);
  }

  /** Sorted by name. */
  all(): BaseAgent[] {
    return this.names().map((name) => this.agents.get(name)!);
  }

  configOf({ name }: BaseAgent): object {
    return this.configs.get(name) ?? {};
  }

  private names(): string[] {
    return [...this.agents.keys()].sort();
  }

  private register(agent: object, given: ReadonlyMap<string, Record<string, unknown>>): void {
    const { name: type } = agent.constructor;
    if (!isAgent(agent)) throw new Error(`@Agent on ${type}, which does not extend BaseAgent`);
    const { name, handles = [], config } = agent.about;
    if (!NAME.test(name))
      throw new Error(`@Agent({ name: '${name}' }) on ${type}: not a valid name of an agent`);
    const odd = handles.find((pattern) => !isEventPattern(pattern));
    if (odd !== undefined) throw new Error(`@Agent on ${type} handles '${odd}', which is no type of events`);
    const other = this.agents.get(name);
    if (other === agent) return;
    if (other) throw new Error(`Two agents have the name '${name}': ${other.constructor.name} and ${type}`);
    const checked = agentConfig(name, config, given.get(name));
    agent.equip(checked, this.desk.of(name));
    this.agents.set(name, agent);
    this.configs.set(name, checked);
  }
}

function isAgent(provider: object): provider is BaseAgent {
  return provider instanceof BaseAgent;
}
