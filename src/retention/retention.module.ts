import { Module } from '@nestjs/common';
import { EventsModule } from '../events/events.module.js';
import { ExecutionModule } from '../execution/execution.module.js';
import { TasksModule } from '../tasks/tasks.module.js';
import { TracesModule } from '../traces/traces.module.js';
import { WorkflowsModule } from '../workflows/workflows.module.js';
import { CleanupExecutor } from './cleanup.executor.js';
import { RetentionSchedule } from './retention-schedule.js';
import { RetentionService } from './retention.service.js';

@Module({
  imports: [EventsModule, TasksModule, TracesModule, ExecutionModule, WorkflowsModule],
  providers: [RetentionService, RetentionSchedule, CleanupExecutor],
  exports: [RetentionSchedule],
})
export class RetentionModule {}
