import { ApiProperty } from '@nestjs/swagger';
import type { JsonObject } from '../common/json.js';
import { together } from './agent-instances.js';
import type { AgentView } from './agents.service.js';
import type { Usage } from './ai/ai-budget.js';
import { AGENT_HEALTHS, AGENT_STATUSES } from './base-agent.js';

/** An agent in short. */
export class AgentDto {
  @ApiProperty({ example: 'infrastructure-monitor' })
  name: string;

  /** Name of its class. */
  @ApiProperty({ example: 'InfrastructureMonitor' })
  type: string;

  /** `running` when it runs in any process. */
  @ApiProperty({ enum: AGENT_STATUSES, enumName: 'AgentStatus' })
  status: string;

  /** The worst of what its processes say. */
  @ApiProperty({ enum: AGENT_HEALTHS, enumName: 'AgentHealth' })
  health: string;

  capabilities: string[];
  description: string;

  /** Whether it shall run. */
  enabled: boolean;

  /** Why it does not run although it shall; null when there is nothing to say. */
  @ApiProperty({
    type: 'string',
    nullable: true,
    example: 'There is no ANTHROPIC_API_KEY or OPENAI_API_KEY.',
  })
  reason: string | null;

  /** Failed starts and stops, and failed attempts at events, over all processes and restarts. */
  @ApiProperty({ type: 'integer' })
  error_count: number;

  @ApiProperty({ type: 'string', nullable: true })
  last_error: string | null;
}

/** What one process says of the agent. */
export class AgentInstanceDto {
  /** Host, process id, and a part that is new at each start. */
  @ApiProperty({ example: 'host:4711:1a2b3c4d' })
  process_id: string;

  @ApiProperty({ enum: AGENT_STATUSES, enumName: 'AgentStatus' })
  status: string;

  @ApiProperty({ type: 'string', nullable: true })
  reason: string | null;

  @ApiProperty({ enum: AGENT_HEALTHS, enumName: 'AgentHealth' })
  health: string;

  /** What its health is judged by. */
  @ApiProperty({ type: 'object', additionalProperties: true, nullable: true })
  health_details: JsonObject | null;

  @ApiProperty({ type: 'string', format: 'date-time', nullable: true })
  started_at: string | null;

  @ApiProperty({ format: 'date-time' })
  heartbeat_at: string;
}

export class AgentStatisticsDto {
  /** Events that it handled. */
  @ApiProperty({ type: 'integer' })
  tasks_completed: number;

  /** Attempts at events that failed. */
  @ApiProperty({ type: 'integer' })
  tasks_failed: number;

  @ApiProperty({ type: 'number', nullable: true })
  average_response_time_ms: number | null;

  @ApiProperty({ type: 'string', format: 'date-time', nullable: true })
  last_activity_at: string | null;
}

/** What an AI agent used of its budgets today. */
export class AgentUsageDto implements Usage {
  /** UTC. */
  @ApiProperty({ example: '2026-11-22' })
  day: string;
  @ApiProperty({ type: 'integer' })
  calls: number;
  @ApiProperty({ type: 'integer' })
  input_tokens: number;
  @ApiProperty({ type: 'integer' })
  output_tokens: number;
  /** Set aside for calls that go on, or whose process died. */
  @ApiProperty({ type: 'integer' })
  reserved_tokens: number;
  cost_usd: number;
  @ApiProperty({ type: 'integer' })
  tokens_max: number;
  cost_usd_max: number;
}

/** An agent with all that is known of it. */
export class AgentDetailDto extends AgentDto {
  /** As JCT_AGENTS_FILE says, defaults filled in. */
  @ApiProperty({ type: 'object', additionalProperties: true })
  config: JsonObject;

  /** Types of events, or patterns. */
  handled_event_types: string[];

  @ApiProperty({ type: 'string', format: 'date-time', nullable: true })
  started_at: string | null;

  @ApiProperty({ type: 'string', format: 'date-time', nullable: true })
  last_heartbeat: string | null;

  statistics: AgentStatisticsDto;

  /** null when it asks no language model. */
  @ApiProperty({ type: AgentUsageDto, nullable: true })
  usage: AgentUsageDto | null;

  /** One for each living process that could run it. */
  @ApiProperty({ type: [AgentInstanceDto] })
  instances: AgentInstanceDto[];
}

export class AgentCommandDto {
  /** `accepted`: no process has followed yet. */
  @ApiProperty({ enum: ['success', 'accepted'], enumName: 'AgentCommandStatus' })
  status: string;

  @ApiProperty({ example: 'Agent infrastructure-monitor started' })
  message: string;
}

export function toAgentDto({ row, instances }: AgentView): AgentDto {
  const { status, reason, health } = together(instances);
  return {
    name: row.name,
    type: row.type,
    status,
    health,
    capabilities: row.capabilities,
    description: row.description,
    enabled: row.isEnabled,
    reason,
    error_count: row.errorCount,
    last_error: row.lastError,
  };
}

export function toAgentDetailDto(view: AgentView, usage: Usage | null): AgentDetailDto {
  const { row, agent, instances } = view;
  return {
    ...toAgentDto(view),
    config: row.config,
    handled_event_types: [...agent.handledEventTypes],
    started_at: row.startedAt?.toISOString() ?? null,
    last_heartbeat: row.lastHeartbeat?.toISOString() ?? null,
    statistics: {
      tasks_completed: row.tasksCompleted,
      tasks_failed: row.tasksFailed,
      average_response_time_ms: row.averageResponseTime,
      last_activity_at: row.lastActivityAt?.toISOString() ?? null,
    },
    usage,
    instances: instances.map((instance) => ({
      process_id: instance.processId,
      status: instance.status,
      reason: instance.reason,
      health: instance.healthStatus,
      health_details: instance.healthDetails,
      started_at: instance.startedAt?.toISOString() ?? null,
      heartbeat_at: instance.heartbeatAt.toISOString(),
    })),
  };
}
