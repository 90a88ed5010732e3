import { Module } from '@nestjs/common';
import { AgentsModule } from '../agents/agents.module.js';
import { CallbacksModule } from '../callbacks/callbacks.module.js';
import { RetentionModule } from '../retention/retention.module.js';
import { WorkerModule } from '../worker/worker.module.js';
import { OrchestratorService } from './orchestrator.service.js';

@Module({
  imports: [AgentsModule, WorkerModule, CallbacksModule, RetentionModule],
  providers: [OrchestratorService],
  exports: [OrchestratorService],
})
export class OrchestratorModule {}
