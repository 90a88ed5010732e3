import { Module } from '@nestjs/common';
import { SandboxModule } from '../execution/sandbox/sandbox.module.js';
import { OrchestratorModule } from '../orchestrator/orchestrator.module.js';
import { TasksModule } from '../tasks/tasks.module.js';
import { WorkerModule } from '../worker/worker.module.js';
import { HealthController } from './health.controller.js';
import { Readiness } from './readiness.js';
import { StatusService } from './status.service.js';

@Module({
  imports: [OrchestratorModule, WorkerModule, TasksModule, SandboxModule],
  controllers: [HealthController],
  providers: [Readiness, StatusService],
})
export class HealthModule {}
