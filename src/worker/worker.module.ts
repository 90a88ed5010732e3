import { Module } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { TasksModule } from '../tasks/tasks.module.js';
import { TracesModule } from '../traces/traces.module.js';
import { DiskGuard } from './disk-guard.js';
import { LeaseKeeper } from './lease-keeper.js';
import { Repair } from './repair.js';
import { RunTraces } from './run-traces.js';
import { Slots } from './slots.js';
import { TaskRunner } from './task-runner.js';
import { WorkerPresence } from './worker-presence.js';
import { WorkerSchedule } from './worker-schedule.js';
import { WorkerService } from './worker.service.js';

@Module({
  imports: [ScheduleModule.forRoot(), TasksModule, TracesModule],
  providers: [
    WorkerService,
    WorkerSchedule,
    WorkerPresence,
    Repair,
    Slots,
    LeaseKeeper,
    TaskRunner,
    RunTraces,
    DiskGuard,
  ],
  exports: [WorkerService, DiskGuard],
})
export class WorkerModule {}
