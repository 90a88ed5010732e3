import { Module } from '@nestjs/common';
import { RetentionModule } from '../retention/retention.module.js';
import { WorkerModule } from '../worker/worker.module.js';
import { OrchestratorService } from './orchestrator.service.js';

@Module({
  imports: [WorkerModule, RetentionModule],
  providers: [OrchestratorService],
  exports: [OrchestratorService],
})
export class OrchestratorModule {}
