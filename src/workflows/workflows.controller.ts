import { Body, Controller, Get, Param, Post, Query, Req, Res } from '@nestjs/common';
import {
  ApiBody,
  ApiCreatedResponse,
  ApiHeader,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import type { Request, Response } from 'express';
import type { JsonObject } from '../common/json.js';
import { Signals } from '../signals/signals.js';
import { idempotencyKey } from '../tasks/request-headers.js';
import { WorkflowDocumentDto } from './definition/workflow-document.dto.js';
import { RunStarter } from './runs/run-starter.js';
import { StartRunDto } from './runs/run-requests.dto.js';
import { RunSummaryDto, toRunSummaryDto } from './runs/workflow-run.dto.js';
import { WorkflowIntake } from './workflow-intake.js';
import { WorkflowStore } from './workflow-store.js';
import { ListWorkflowsQuery, SaveWorkflowQuery, toWorkflowDto, WorkflowDto } from './workflow.dto.js';

const LIMIT = 100;

@ApiTags('workflows')
@Controller('workflows')
export class WorkflowsController {
  constructor(
    private readonly store: WorkflowStore,
    private readonly intake: WorkflowIntake,
    private readonly starter: RunStarter,
    private readonly signals: Signals,
  ) {}

  /** List workflows by name; only active ones unless asked otherwise. */
  @Get()
  @ApiOperation({ operationId: 'listWorkflows' })
  async list(@Query() query: ListWorkflowsQuery): Promise<WorkflowDto[]> {
    const { limit = LIMIT, offset = 0 } = query;
    return (await this.store.list(query.active_only !== 'false', limit, offset)).map(toWorkflowDto);
  }

  /** Get a workflow by its id or name. */
  @Get(':workflow')
  @ApiOperation({ operationId: 'getWorkflow' })
  async get(@Param('workflow') workflow: string): Promise<WorkflowDto> {
    return toWorkflowDto(await this.store.get(workflow));
  }

  /** Hand in a workflow. Everything that is wrong with it is listed, each with a pointer. */
  @Post()
  @ApiOperation({ operationId: 'saveWorkflow' })
  @ApiBody({ type: WorkflowDocumentDto })
  @ApiCreatedResponse({ type: WorkflowDto, description: 'Stored, with `replace` as a new version.' })
  @ApiOkResponse({ type: WorkflowDto, description: 'The newest version means the same already.' })
  async save(
    @Body() sent: JsonObject | undefined,
    @Query() query: SaveWorkflowQuery,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<WorkflowDto> {
    const saved = await this.intake.take(sent ?? {}, query.replace === 'true', request.actor);
    response.status(saved.outcome === 'same' ? 200 : 201).location(`/workflows/${saved.workflow.name}`);
    return toWorkflowDto(saved.workflow);
  }

  /** Start a run. Its inputs are checked against those that the definition declares. */
  @Post(':workflow/runs')
  @ApiOperation({ operationId: 'startWorkflowRun' })
  @ApiHeader({
    name: 'Idempotency-Key',
    required: false,
    description: 'The same as `idempotency_key` in the body.',
  })
  @ApiCreatedResponse({ type: RunSummaryDto })
  @ApiOkResponse({ type: RunSummaryDto, description: 'The run that the idempotency key stands for.' })
  async start(
    @Param('workflow') name: string,
    @Body() body: StartRunDto,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<RunSummaryDto> {
    const key = idempotencyKey(request, body.idempotency_key);
    const workflow = await this.store.get(name);
    const { run, replayed } = await this.starter.start({
      workflow,
      trigger: 'manual',
      inputs: body.inputs ?? {},
      idempotencyKey: key === null ? null : `request:${key}`,
      requestedBy: request.actor,
    });
    this.signals.announce('workflows');
    response.status(replayed ? 200 : 201).location(`/workflow-runs/${run.id}`);
    if (replayed) response.setHeader('Idempotency-Replayed', 'true');
    return toRunSummaryDto(run);
  }
}
