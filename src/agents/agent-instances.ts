import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import type { JsonObject } from '../common/json.js';
import { Settings } from '../config/settings.js';
import { execute, hydrate, insertSql, type SqlClock, sqlClock } from '../database/statements.js';
import { AgentInstanceEntity } from './agent-instance.entity.js';
import { AGENT_HEALTHS, type AgentHealth, type AgentStatus } from './base-agent.js';

export type InstanceReport = Omit<AgentInstanceEntity, 'heartbeatAt'>;

/** What all instances of an agent are together. */
export interface InstanceState {
  status: AgentStatus;
  reason: string | null;
  health: AgentHealth['status'];
  healthDetails: JsonObject | null;
}

/** What living processes say of their instances of agents; a process that has been silent for a lease is not living. */
@Injectable()
export class AgentInstances {
  private readonly clock: SqlClock;

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly settings: Settings,
  ) {
    this.clock = sqlClock(dataSource);
  }

  async report(instance: InstanceReport): Promise<void> {
    const metadata = this.dataSource.getMetadata(AgentInstanceEntity);
    const { sql, parameters } = insertSql(metadata, instance as AgentInstanceEntity, {
      heartbeatAt: this.clock.now,
    });
    const columns = ['status', 'reason', 'health_status', 'health_details', 'revision', 'started_at'];
    const updates = [...columns, 'heartbeat_at'].map((column) => `${column} = excluded.${column}`);
    await execute(
      this.dataSource.manager,
      `${sql} ON CONFLICT (agent, process_id) DO UPDATE SET ${updates.join(', ')}`,
      parameters,
    );
  }

  /** Forgets this process, and those that have been silent for ten leases. */
  async leave(processId: string): Promise<void> {
    await execute(
      this.dataSource.manager,
      `DELETE FROM agent_instances WHERE process_id = $1 OR heartbeat_at < ${this.clock.after('$2')}`,
      [processId, -10 * this.settings.leaseSeconds],
    );
  }

  /** By agent; an agent that no process speaks of is missing. */
  async living(): Promise<ReadonlyMap<string, AgentInstanceEntity[]>> {
    const { rows } = await execute(
      this.dataSource.manager,
      `SELECT * FROM agent_instances WHERE heartbeat_at > ${this.clock.after('$1')} ORDER BY agent, process_id`,
      [-this.settings.leaseSeconds],
    );
    const metadata = this.dataSource.getMetadata(AgentInstanceEntity);
    const byAgent = new Map<string, AgentInstanceEntity[]>();
    for (const row of rows) {
      const instance = hydrate<AgentInstanceEntity>(metadata, row);
      byAgent.set(instance.agent, [...(byAgent.get(instance.agent) ?? []), instance]);
    }
    return byAgent;
  }
}

/** From best to worst, as far as events are concerned: one that runs serves for all. */
const STATUSES: readonly AgentStatus[] = ['running', 'starting', 'error', 'stopping', 'stopped'];

/** An agent runs when one of its instances does; it is as unwell as the worst of them. */
export function together(instances: readonly AgentInstanceEntity[]): InstanceState {
  const status = STATUSES.find((each) => instances.some((instance) => instance.status === each)) ?? 'stopped';
  const rank = ({ healthStatus }: AgentInstanceEntity): number =>
    AGENT_HEALTHS.indexOf(healthStatus as AgentHealth['status']);
  const worst = [...instances].sort((a, b) => rank(b) - rank(a))[0];
  const speaking = instances.find((instance) => instance.status === status && instance.reason !== null);
  return {
    status,
    reason: status === 'running' ? null : (speaking?.reason ?? null),
    health: (worst?.healthStatus ?? 'unknown') as AgentHealth['status'],
    healthDetails: worst?.healthDetails ?? null,
  };
}
