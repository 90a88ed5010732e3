import { Check, Column, Entity, PrimaryColumn } from 'typeorm';
import type { JsonObject } from '../common/json.js';
import { JsonColumn, TimestampColumn } from '../database/portable-columns.js';
import type { AgentStatus } from './base-agent.js';

/** What one process says of its instance of an agent: kept by its heartbeat, removed when it stops, or when it has long been silent. */
@Entity('agent_instances')
@Check('agent_instances_status', `status IN ('stopped', 'starting', 'running', 'stopping', 'error')`)
export class AgentInstanceEntity {
  @PrimaryColumn('varchar', { length: 100, primaryKeyConstraintName: 'agent_instances_pk' })
  agent: string;

  @PrimaryColumn('varchar', { length: 128, primaryKeyConstraintName: 'agent_instances_pk' })
  processId: string;

  @Column('varchar', { length: 16 })
  status: AgentStatus;

  /** Why it does not run although it shall; null when there is nothing to say. */
  @Column('text', { nullable: true })
  reason: string | null;

  @Column('varchar', { length: 20 })
  healthStatus: string;

  @JsonColumn({ nullable: true })
  healthDetails: JsonObject | null;

  /** Of the agent's row, when this process last followed it. */
  @Column('integer')
  revision: number;

  @TimestampColumn({ nullable: true })
  startedAt: Date | null;

  @TimestampColumn()
  heartbeatAt: Date;
}
