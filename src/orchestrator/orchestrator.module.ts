import { Module } from '@nestjs/common';
import { AgentsModule } from '../agents/agents.module.js';
import { CallbacksModule } from '../callbacks/callbacks.module.js';
import { EventsModule } from '../events/events.module.js';
import { RetentionModule } from '../retention/retention.module.js';
import { WorkerModule } from '../worker/worker.module.js';
import { WorkflowsModule } from '../workflows/workflows.module.js';
import { OrchestratorService } from './orchestrator.service.js';
import { partsProvider } from './parts.provider.js';

@Module({
  imports: [AgentsModule, EventsModule, WorkerModule, CallbacksModule, RetentionModule, WorkflowsModule],
  providers: [OrchestratorService, partsProvider],
  exports: [OrchestratorService],
})
export class OrchestratorModule {}
