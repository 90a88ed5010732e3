import { ApiProperty } from '@nestjs/swagger';
import type { JsonObject } from '../common/json.js';

export class HealthDto {
  /** @example "ok" */
  status: 'ok';
}

export class VersionDto {
  /** @example "0.2.0" */
  version: string;
}

/** Whether one thing that the tower needs can be used. */
export class CheckDto {
  @ApiProperty({ enum: ['up', 'down'], enumName: 'CheckStatus' })
  status: 'up' | 'down';
  /** What is wrong; null when up. */
  message: string | null;
}

export class ReadinessDto {
  @ApiProperty({ enum: ['ready', 'not_ready'], enumName: 'ReadinessStatus' })
  status: 'ready' | 'not_ready';

  @ApiProperty({ type: 'object', additionalProperties: { $ref: '#/components/schemas/CheckDto' } })
  checks: Record<string, CheckDto>;
}

class OrchestratorStatusDto {
  @ApiProperty({ enum: ['running', 'stopping', 'stopped'], enumName: 'OrchestratorStatus' })
  status: string;
  agents_count: number;
  workflows_count: number;
  /** Tasks that run now, in any process. */
  running_tasks: number;
}

class SettingsStatusDto {
  environment: string;
  debug: boolean;
  max_concurrent_agents: number;
}

export class WorkerStatusDto {
  id: string;
  host: string;
  pid: number;
  queues: string[];
  types: string[];
  slots: number;
  /** Slots taken, as of its last heartbeat. */
  busy: number;
  /** Why it takes no task although slots are free; null when it does. */
  paused: string | null;
  @ApiProperty({ format: 'date-time' })
  heartbeat_at: string;
}

class DatabaseStatusDto {
  @ApiProperty({ enum: ['sqlite', 'postgres'], enumName: 'DatabaseKind' })
  kind: 'sqlite' | 'postgres';
  version: string;
}

class AuthStatusDto {
  /** Whether requests must bear a key. */
  key_required: boolean;
}

/** One thing that the orchestrator starts and stops, as this process has it. */
class PartStatusDto {
  /** @example "events" */
  name: string;

  /** `stopped` where the role of this process leaves it out. */
  @ApiProperty({
    enum: ['starting', 'running', 'stopping', 'stopped', 'failed'],
    enumName: 'PartStatus',
  })
  status: string;

  @ApiProperty({ type: 'string', format: 'date-time', nullable: true })
  since: string | null;

  error: string | null;

  /** What it has to tell, over all processes: of `events` the length of its queues. */
  @ApiProperty({ type: 'object', additionalProperties: true })
  facts: JsonObject;
}

/** The whole truth about this installation. */
export class StatusDto {
  orchestrator: OrchestratorStatusDto;

  /** By name: `status` and `health` of each. */
  @ApiProperty({ type: 'object', additionalProperties: true })
  agents: JsonObject;

  settings: SettingsStatusDto;

  version: string;

  /** What this process does. */
  @ApiProperty({ enum: ['all', 'api', 'worker'], enumName: 'Role' })
  role: string;

  /** What the orchestrator starts and stops, in order. */
  parts: PartStatusDto[];

  /** Every living worker, in any process. */
  workers: WorkerStatusDto[];

  /** Tasks by status. */
  @ApiProperty({ type: 'object', additionalProperties: { type: 'integer' } })
  queue: Record<string, number>;

  /** How commands are confined on this host. */
  @ApiProperty({ type: 'object', additionalProperties: true })
  sandbox: JsonObject;

  database: DatabaseStatusDto;
  auth: AuthStatusDto;
}
