import { Module } from '@nestjs/common';
import { WorkerModule } from '../worker/worker.module.js';
import { OrchestratorService } from './orchestrator.service.js';

@Module({ imports: [WorkerModule], providers: [OrchestratorService], exports: [OrchestratorService] })
export class OrchestratorModule {}
