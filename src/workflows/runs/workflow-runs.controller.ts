import { Body, Controller, Get, HttpCode, Param, Post, Query, Req } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Request } from 'express';
import { ListRunsQuery, ResumeRunDto } from './run-requests.dto.js';
import { type RunDetails, RunsService } from './runs.service.js';
import { RunPageDto, toRunSummaryDto, toWorkflowRunDto, WorkflowRunDto } from './workflow-run.dto.js';

@ApiTags('workflows')
@Controller('workflow-runs')
export class WorkflowRunsController {
  constructor(private readonly runs: RunsService) {}

  /** List runs, newest first. */
  @Get()
  @ApiOperation({ operationId: 'listWorkflowRuns' })
  async list(@Query() query: ListRunsQuery): Promise<RunPageDto> {
    const { items, nextCursor } = await this.runs.list(query);
    return { items: items.map(toRunSummaryDto), next_cursor: nextCursor };
  }

  /** Get a run with its graph: states, timings and tasks of all steps, also as a Mermaid flowchart. */
  @Get(':run_id')
  @ApiOperation({ operationId: 'getWorkflowRun' })
  async get(@Param('run_id') id: string): Promise<WorkflowRunDto> {
    return answer(await this.runs.get(id));
  }

  /** Cancel a run: its tasks are cancelled, and nothing more begins. Cancelling again changes nothing. */
  @Post(':run_id/cancel')
  @HttpCode(200)
  @ApiOperation({ operationId: 'cancelWorkflowRun' })
  async cancel(@Param('run_id') id: string, @Req() request: Request): Promise<WorkflowRunDto> {
    return answer(await this.runs.cancel(id, request.actor));
  }

  /** Take a failed or cancelled run up again: what completed is kept, the rest runs again. */
  @Post(':run_id/resume')
  @HttpCode(200)
  @ApiOperation({ operationId: 'resumeWorkflowRun' })
  async resume(@Param('run_id') id: string, @Body() body: ResumeRunDto): Promise<WorkflowRunDto> {
    return answer(await this.runs.resume(id, body.from_step ?? null));
  }
}

function answer({ run, definition, steps }: RunDetails): WorkflowRunDto {
  return toWorkflowRunDto(run, definition, steps);
}
