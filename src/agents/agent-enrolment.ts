import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { EventSubscribers } from '../events/event-subscribers.js';
import { AgentDesk } from './agent-desk.js';
import { AgentRegistry } from './agent-registry.js';
import { AgentRows } from './agent-rows.js';
import { AgentSubscriber } from './agent-subscriber.js';
import { AgentSupervisor } from './agent-supervisor.js';

/** Gives every agent its row, and tells the events of it: before the first event is dispatched, whatever its state. */
@Injectable()
export class AgentEnrolment implements OnApplicationBootstrap {
  constructor(
    private readonly registry: AgentRegistry,
    private readonly supervisor: AgentSupervisor,
    private readonly desk: AgentDesk,
    private readonly rows: AgentRows,
    private readonly subscribers: EventSubscribers,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    for (const agent of this.registry.all()) {
      const subscriber = new AgentSubscriber(agent, this.supervisor, this.desk, this.rows);
      await this.rows.register({
        name: agent.name,
        type: agent.constructor.name.slice(0, 50),
        description: agent.about.description,
        config: { ...this.registry.configOf(agent) },
        capabilities: [...(agent.about.capabilities ?? [])],
        maxConcurrentTasks: subscriber.concurrencyMax,
      });
      if (subscriber.handles.length > 0) this.subscribers.add(subscriber);
    }
  }
}
