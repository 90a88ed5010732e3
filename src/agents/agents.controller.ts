import { Controller, Get, HttpCode, Param, Post, Res } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { AgentCommandDto, AgentDetailDto, AgentDto, toAgentDetailDto, toAgentDto } from './agent.dto.js';
import { AgentsService } from './agents.service.js';
import { AIAgent } from './ai/ai-agent.js';
import { Mind } from './ai/mind.js';

@ApiTags('agents')
@Controller('agents')
export class AgentsController {
  constructor(
    private readonly agents: AgentsService,
    private readonly mind: Mind,
  ) {}

  /** List the agents, by name. */
  @Get()
  @ApiOperation({ operationId: 'listAgents' })
  async list(): Promise<AgentDto[]> {
    return (await this.agents.list()).map(toAgentDto);
  }

  /** Show an agent: its configuration, what it has done, and how it is in each process. */
  @Get(':agent_name')
  @ApiOperation({ operationId: 'getAgent' })
  async get(@Param('agent_name') name: string): Promise<AgentDetailDto> {
    const view = await this.agents.get(name);
    const usage = view.agent instanceof AIAgent ? await this.mind.usage(view.agent.name) : null;
    return toAgentDetailDto(view, usage);
  }

  /** Let an agent run, from now on and after every restart. */
  @Post(':agent_name/start')
  @HttpCode(200)
  @ApiOperation({ operationId: 'startAgent' })
  @ApiResponse({ status: 202, type: AgentCommandDto, description: 'No worker process has followed yet.' })
  async start(
    @Param('agent_name') name: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<AgentCommandDto> {
    if (await this.agents.start(name)) return { status: 'success', message: `Agent ${name} started` };
    response.status(202);
    return { status: 'accepted', message: `Agent ${name} will be started by the next worker process` };
  }

  /** Stop an agent, until it is started again. */
  @Post(':agent_name/stop')
  @HttpCode(200)
  @ApiOperation({ operationId: 'stopAgent' })
  @ApiResponse({ status: 202, type: AgentCommandDto, description: 'A worker process has not followed yet.' })
  async stop(
    @Param('agent_name') name: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<AgentCommandDto> {
    if (await this.agents.stop(name)) return { status: 'success', message: `Agent ${name} stopped` };
    response.status(202);
    return { status: 'accepted', message: `Agent ${name} will stop when its worker processes hear of it` };
  }
}
