import { Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { ConflictError, NotFoundError } from '../common/errors.js';
import { TasksService } from '../tasks/tasks.service.js';
import { CallbackDto, CallbackListDto, toCallbackDto } from './callback.dto.js';
import { CallbackQueue } from './callback-queue.js';

@ApiTags('callbacks')
@Controller()
export class CallbacksController {
  constructor(
    private readonly tasks: TasksService,
    private readonly queue: CallbackQueue,
  ) {}

  /** List the callbacks of a task with every attempt at delivery. */
  @Get('tasks/:task_id/callbacks')
  @ApiOperation({ operationId: 'listTaskCallbacks' })
  async list(@Param('task_id') taskId: string): Promise<CallbackListDto> {
    const { id } = await this.tasks.get(taskId);
    return { items: (await this.queue.ofTask(id)).map(toCallbackDto) };
  }

  /** Send a callback once more that was delivered, or is dead: at once, under the same `webhook-id`, with all its attempts. */
  @Post('callbacks/:callback_id/redeliver')
  @HttpCode(200)
  @ApiOperation({ operationId: 'redeliverCallback' })
  async redeliver(@Param('callback_id') id: string): Promise<CallbackDto> {
    const due = await this.queue.redeliver(id);
    if (due !== null) return toCallbackDto(due);
    const callback = await this.queue.find(id);
    if (callback === null) throw new NotFoundError('CALLBACK', `There is no callback ${id.slice(0, 64)}.`);
    throw new ConflictError(
      'ILLEGAL_STATE',
      `A callback that is ${callback.status} is still being delivered and cannot be sent anew.`,
      { current_state: callback.status },
    );
  }
}
