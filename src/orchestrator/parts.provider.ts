import type { FactoryProvider } from '@nestjs/common';
import { AgentSupervisor } from '../agents/agent-supervisor.js';
import { AgentsService } from '../agents/agents.service.js';
import { CallbacksService } from '../callbacks/callbacks.service.js';
import { EventsService } from '../events/events.service.js';
import { EventStats } from '../events/event-stats.js';
import { RetentionSchedule } from '../retention/retention-schedule.js';
import { WorkerService } from '../worker/worker.service.js';
import { WorkflowStore } from '../workflows/workflow-store.js';
import { WorkflowsService } from '../workflows/workflows.service.js';
import { type Part, PARTS } from './part.js';

/**
 * What a process whose role includes the worker does, in the order in which it is started; it is stopped in reverse. The
 * worker is last: it claims nothing before all others listen, and what its last tasks have to say still goes out.
 */
export const partsProvider: FactoryProvider<Part[]> = {
  provide: PARTS,
  inject: [
    CallbacksService,
    EventsService,
    EventStats,
    AgentSupervisor,
    AgentsService,
    WorkflowsService,
    WorkflowStore,
    RetentionSchedule,
    WorkerService,
  ],
  useFactory: (
    callbacks: CallbacksService,
    events: EventsService,
    eventStats: EventStats,
    agents: AgentSupervisor,
    agentStates: AgentsService,
    workflows: WorkflowsService,
    workflowStore: WorkflowStore,
    retention: RetentionSchedule,
    worker: WorkerService,
  ): Part[] => [
    { name: 'callbacks', start: () => callbacks.start(), stop: () => callbacks.stop() },
    {
      name: 'events',
      start: () => events.start(),
      stop: () => events.stop(),
      report: async () => ({ facts: await eventStats.read() }),
    },
    {
      name: 'agents',
      start: () => agents.start(),
      stop: () => agents.stop(),
      report: async () => ({ agents: await agentStates.summary() }),
    },
    {
      name: 'workflows',
      start: () => workflows.start(),
      stop: () => workflows.stop(),
      report: async () => ({ workflowsCount: await workflowStore.countActive() }),
    },
    { name: 'retention', start: () => retention.start(), stop: () => retention.stop() },
    {
      name: 'worker',
      start: () => worker.start(),
      stop: () => worker.stop(),
      hurry: () => worker.giveBack(),
    },
  ],
};
