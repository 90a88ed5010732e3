import { Controller, Get } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { TaskStatsDto } from './dto/task-stats.dto.js';
import { TaskStats } from './task-stats.js';

/** Registered before TasksController, for which `stats` would be the id of a task. */
@ApiTags('tasks')
@Controller('tasks/stats')
export class TaskStatsController {
  constructor(private readonly tasks: TaskStats) {}

  /** Count tasks by status and type, and say how fast they go. */
  @Get()
  @ApiOperation({ operationId: 'getTaskStats' })
  stats(): Promise<TaskStatsDto> {
    return this.tasks.stats();
  }
}
