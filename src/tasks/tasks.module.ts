import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { EventsModule } from '../events/events.module.js';
import { OutboundModule } from '../outbound/outbound.module.js';
import { PoliciesModule } from '../policies/policies.module.js';
import { CallbackEntity } from './callback.entity.js';
import { PoliciesController } from './policies.controller.js';
import { FinishedTasks } from './queue/finished-tasks.js';
import { TaskControl } from './queue/task-control.js';
import { LateResults } from './queue/late-results.js';
import { TaskQueue } from './queue/task-queue.js';
import { TaskUpkeep } from './queue/task-upkeep.js';
import { TaskBatch } from './task-batch.js';
import { TaskConsequences } from './task-consequences.js';
import { TaskExplanation } from './task-explanation.js';
import { TaskIntake } from './task-intake.js';
import { TaskQueries } from './task-queries.js';
import { TaskStats } from './task-stats.js';
import { TaskStatsController } from './task-stats.controller.js';
import { TaskWait } from './task-wait.js';
import { TaskRunEntity } from './task-run.entity.js';
import { TaskEntity } from './task.entity.js';
import { TasksController } from './tasks.controller.js';
import { TasksService } from './tasks.service.js';
import { WorkerRegistry } from './worker-registry.js';
import { WorkerEntity } from './worker.entity.js';

@Module({
  imports: [
    TypeOrmModule.forFeature([TaskEntity, TaskRunEntity, CallbackEntity, WorkerEntity]),
    EventsModule,
    PoliciesModule,
    OutboundModule,
  ],
  controllers: [TaskStatsController, TasksController, PoliciesController],
  providers: [
    TasksService,
    TaskIntake,
    TaskBatch,
    TaskQueries,
    TaskStats,
    TaskConsequences,
    TaskExplanation,
    TaskWait,
    TaskControl,
    TaskQueue,
    TaskUpkeep,
    LateResults,
    FinishedTasks,
    WorkerRegistry,
  ],
  exports: [
    TasksService,
    TaskIntake,
    TaskQueries,
    TaskStats,
    TaskQueue,
    TaskUpkeep,
    LateResults,
    FinishedTasks,
    WorkerRegistry,
  ],
})
export class TasksModule {}
