import { Body, Controller, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import {
  ApiBody,
  ApiCreatedResponse,
  ApiHeader,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
  getSchemaPath,
} from '@nestjs/swagger';
import type { Request, Response } from 'express';
import type { JsonObject } from '../common/json.js';
import { EnqueueTaskDto } from './dto/enqueue-task.dto.js';
import { BatchAnswerDto, EnqueueBatchDto } from './dto/enqueue-batch.dto.js';
import { DryRunDto, EnqueueQuery } from './dto/enqueue.query.js';
import { ExplanationDto } from './dto/explanation.dto.js';
import { ListTasksQuery } from './dto/list-tasks.query.js';
import { currentRunDto, RunListDto, toRunDto } from './dto/run.dto.js';
import { TaskListDto } from './dto/task-list.dto.js';
import { EnqueuedTaskDto, TaskDto, toTaskDto } from './dto/task.dto.js';
import { idempotencyKey, refuseIdempotencyKey, waitSeconds } from './request-headers.js';
import { TaskBatch } from './task-batch.js';
import { TaskExplanation } from './task-explanation.js';
import { TaskIntake } from './task-intake.js';
import { TaskQueries } from './task-queries.js';
import { TaskWait } from './task-wait.js';
import { type Caller, type Enqueued, TasksService } from './tasks.service.js';

const ENQUEUED_OR_ENDED = [{ $ref: getSchemaPath(EnqueuedTaskDto) }, { $ref: getSchemaPath(TaskDto) }];

@ApiTags('tasks')
@Controller('tasks')
export class TasksController {
  constructor(
    private readonly tasks: TasksService,
    private readonly queries: TaskQueries,
    private readonly batch: TaskBatch,
    private readonly explanation: TaskExplanation,
    private readonly wait: TaskWait,
    private readonly intake: TaskIntake,
  ) {}

  /** Hand in a task. When 201 is answered, it is committed and flushed to disk. */
  @Post('enqueue')
  @ApiOperation({ operationId: 'enqueueTask' })
  @ApiHeader({
    name: 'Idempotency-Key',
    required: false,
    description: 'The same as `idempotency_key` in the body.',
  })
  @ApiHeader({
    name: 'Prefer',
    required: false,
    description: '`wait=N`: answer with the finished task if it ends within N seconds (at most 60).',
  })
  @ApiCreatedResponse({
    schema: { anyOf: ENQUEUED_OR_ENDED },
    description: 'Stored; with `Prefer: wait` the ended task.',
  })
  @ApiOkResponse({
    schema: { anyOf: [...ENQUEUED_OR_ENDED, { $ref: getSchemaPath(DryRunDto) }] },
    description: 'The task that the idempotency key stands for; with `dry_run` what would happen.',
  })
  @ApiBody({ type: EnqueueTaskDto })
  async enqueue(
    @Body() sent: JsonObject | undefined,
    @Query() query: EnqueueQuery,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<EnqueuedTaskDto | TaskDto | DryRunDto> {
    const body = this.intake.check(sent ?? {});
    const key = idempotencyKey(request, body.idempotency_key);
    const seconds = waitSeconds(request);
    if (query.dry_run === 'true') {
      response.status(200);
      return this.dryRun(body, key, caller(request));
    }
    return this.answer(await this.tasks.enqueue(body, key, caller(request)), seconds, response);
  }

  /** Hand in up to 1,000 tasks. Each gets its own answer; one that is refused does not fail the others. */
  @Post('enqueue/batch')
  @HttpCode(200)
  @ApiOperation({ operationId: 'enqueueTasks' })
  async enqueueBatch(@Body() body: EnqueueBatchDto, @Req() request: Request): Promise<BatchAnswerDto> {
    refuseIdempotencyKey(request);
    return { items: await this.batch.enqueue(body.tasks, request.path, caller(request)) };
  }

  /** List tasks, newest first. */
  @Get()
  @ApiOperation({ operationId: 'listTasks' })
  async list(@Query() query: ListTasksQuery): Promise<TaskListDto> {
    const { items, nextCursor } = await this.queries.list(query);
    return { items: items.map(toTaskDto), next_cursor: nextCursor };
  }

  /** Get a task. */
  @Get(':task_id')
  @ApiOperation({ operationId: 'getTask' })
  async get(@Param('task_id') id: string): Promise<TaskDto> {
    return toTaskDto(await this.tasks.get(id));
  }

  /** List the runs of a task, oldest first. */
  @Get(':task_id/runs')
  @ApiOperation({ operationId: 'listTaskRuns' })
  async runs(@Param('task_id') id: string): Promise<RunListDto> {
    const task = await this.tasks.get(id);
    const ended = (await this.queries.runs(id)).map(toRunDto);
    const { runId } = task;
    const goesOn = runId !== null && !ended.some(({ run_id }) => run_id === runId);
    return { items: goesOn ? [...ended, currentRunDto({ ...task, runId })] : ended };
  }

  /** Say why a task is, or is not, running. */
  @Get(':task_id/explain')
  @ApiOperation({ operationId: 'explainTask' })
  async explain(@Param('task_id') id: string): Promise<ExplanationDto> {
    return this.explanation.explain(await this.tasks.get(id));
  }

  /** Cancel a task: at once while it waits, by stopping it while it runs. Cancelling again changes nothing. */
  @Post(':task_id/cancel')
  @HttpCode(200)
  @ApiOperation({ operationId: 'cancelTask' })
  async cancel(@Param('task_id') id: string, @Req() request: Request): Promise<TaskDto> {
    return toTaskDto(await this.tasks.cancel(id, caller(request)));
  }

  /** Queue a failed or cancelled task once more, as the same task. Nothing changes while it waits or runs. */
  @Post(':task_id/retry')
  @HttpCode(200)
  @ApiOperation({ operationId: 'retryTask' })
  async retry(@Param('task_id') id: string, @Req() request: Request): Promise<TaskDto> {
    return toTaskDto(await this.tasks.retry(id, caller(request)));
  }

  /** Make a new task with the same request. */
  @Post(':task_id/replay')
  @ApiOperation({ operationId: 'replayTask' })
  @ApiCreatedResponse({ type: EnqueuedTaskDto })
  async replay(
    @Param('task_id') id: string,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<EnqueuedTaskDto | TaskDto> {
    return this.answer(await this.tasks.replay(id, caller(request)), waitSeconds(request), response);
  }

  private async answer(
    enqueued: Enqueued,
    seconds: number,
    response: Response,
  ): Promise<EnqueuedTaskDto | TaskDto> {
    response.status(enqueued.replayed ? 200 : 201).location(`/tasks/${enqueued.id}`);
    if (enqueued.replayed) response.setHeader('Idempotency-Replayed', 'true');
    if (seconds > 0) {
      const gone = new AbortController();
      response.once('close', () => gone.abort());
      const ended = await this.wait.untilTerminal(enqueued.id, seconds, gone.signal);
      if (ended !== null) {
        response.setHeader('Preference-Applied', `wait=${seconds}`);
        return toTaskDto(ended);
      }
    }
    return { task_id: enqueued.id, status: enqueued.status, created_at: enqueued.createdAt.toISOString() };
  }

  private async dryRun(body: EnqueueTaskDto, key: string | null, by: Caller): Promise<DryRunDto> {
    const { request, verdict, existing } = await this.tasks.dryRun(body, key, by);
    const outcome = existing !== null ? 'replay' : verdict.decision === 'deny' ? 'deny' : 'enqueue';
    const statusCodes = { replay: 200, deny: 403, enqueue: 201 };
    return {
      outcome,
      status_code: statusCodes[outcome],
      request: { ...request },
      policy: { ...verdict },
      existing_task_id: existing?.id ?? null,
    };
  }
}

function caller(request: Request): Caller {
  return { actor: request.actor, requestId: request.requestId };
}
