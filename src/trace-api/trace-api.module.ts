import { Module } from '@nestjs/common';
import { TasksModule } from '../tasks/tasks.module.js';
import { TracesModule } from '../traces/traces.module.js';
import { LogFollower } from './log-follower.js';
import { RunLocator } from './run-locator.js';
import { TracesController } from './traces.controller.js';

@Module({
  imports: [TasksModule, TracesModule],
  controllers: [TracesController],
  providers: [RunLocator, LogFollower],
})
export class TraceApiModule {}
