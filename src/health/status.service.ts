import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import type { JsonObject } from '../common/json.js';
import { VERSION } from '../common/version.js';
import { Settings } from '../config/settings.js';
import { dialectOf } from '../database/portable-data-source.js';
import { Sandbox } from '../execution/sandbox/sandbox.js';
import { OrchestratorService } from '../orchestrator/orchestrator.service.js';
import { TaskStats } from '../tasks/task-stats.js';
import { WorkerRegistry } from '../tasks/worker-registry.js';
import type { StatusDto } from './status.dto.js';

/** What `/status` tells. */
@Injectable()
export class StatusService {
  constructor(
    private readonly settings: Settings,
    private readonly orchestrator: OrchestratorService,
    private readonly stats: TaskStats,
    private readonly workers: WorkerRegistry,
    private readonly sandbox: Sandbox,
    @InjectDataSource() private readonly dataSource: DataSource,
  ) {}

  async status(): Promise<StatusDto> {
    const { by_status: queue } = await this.stats.counts();
    const parts = await this.orchestrator.describe();
    const agents = Object.assign({}, ...parts.map(({ report }) => report.agents ?? {})) as JsonObject;
    const living = await this.workers.living(this.settings.leaseSeconds);
    const { environment, debug, maxConcurrentAgents, role, apiKeyFile } = this.settings;
    return {
      orchestrator: {
        status: this.orchestrator.status,
        agents_count: Object.keys(agents).length,
        workflows_count: parts.reduce((sum, { report }) => sum + (report.workflowsCount ?? 0), 0),
        running_tasks: queue['running'] ?? 0,
      },
      agents,
      settings: { environment, debug, max_concurrent_agents: maxConcurrentAgents },
      version: VERSION,
      role,
      parts: parts.map(({ report, since, ...part }) => ({
        ...part,
        since: since?.toISOString() ?? null,
        facts: report.facts ?? {},
      })),
      workers: living.map(({ startedAt: _startedAt, heartbeatAt, ...worker }) => ({
        ...worker,
        heartbeat_at: heartbeatAt.toISOString(),
      })),
      queue,
      sandbox: { ...(await this.sandbox.facts()) },
      database: { kind: dialectOf(this.dataSource.options), version: await this.databaseVersion() },
      auth: { key_required: apiKeyFile !== undefined },
    };
  }

  private async databaseVersion(): Promise<string> {
    const sql =
      dialectOf(this.dataSource.options) === 'postgres' ? 'SHOW server_version' : 'SELECT sqlite_version()';
    const [row] = await this.dataSource.query<[Record<string, string>]>(sql);
    return Object.values(row)[0] ?? 'unknown';
  }
}
