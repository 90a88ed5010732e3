import { Check, Column, Entity, Index } from 'typeorm';
import type { JsonObject } from '../common/json.js';
import { IdColumn, JsonColumn, TimestampColumn } from '../database/portable-columns.js';

/** As stored: an agent that is stopped is `inactive`. */
export type StoredAgentStatus = 'inactive' | 'starting' | 'running' | 'stopping' | 'error';

/**
 * An agent: whether it shall run, and what became of it over all processes and restarts. Whether and how it runs now is
 * said by AgentInstanceEntity, one row a process; status, health and heartbeat here are the sum of those at the last report.
 */
@Entity('agents')
@Check('agents_status', `status IN ('inactive', 'starting', 'running', 'stopping', 'error')`)
@Check('agents_counts', 'tasks_completed >= 0 AND tasks_failed >= 0 AND error_count >= 0')
@Index('agents_name', ['name'], { unique: true })
@Index('agents_type_status', ['type', 'status'])
@Index('agents_health', ['healthStatus', 'isEnabled'])
@Index('agents_activity', ['lastActivityAt'])
export class AgentEntity {
  @IdColumn('agents_pk')
  id: string;

  @Column('varchar', { length: 100 })
  name: string;

  /** Name of its class. */
  @Column('varchar', { length: 50 })
  type: string;

  @Column('text')
  description: string;

  @JsonColumn()
  config: JsonObject;

  @JsonColumn()
  capabilities: string[];

  @Column('varchar', { length: 16 })
  status: StoredAgentStatus;

  @TimestampColumn({ nullable: true })
  lastHeartbeat: Date | null;

  @Column('varchar', { length: 20 })
  healthStatus: string;

  @JsonColumn({ nullable: true })
  healthDetails: JsonObject | null;

  /** Events that it handled. */
  @Column('integer')
  tasksCompleted: number;

  /** Attempts at events that failed. */
  @Column('integer')
  tasksFailed: number;

  /** Milliseconds for an event. */
  @Column('double precision', { nullable: true })
  averageResponseTime: number | null;

  @TimestampColumn()
  createdAt: Date;

  @TimestampColumn({ nullable: true })
  startedAt: Date | null;

  @TimestampColumn({ nullable: true })
  lastActivityAt: Date | null;

  /** Whether it shall run: every worker process follows. */
  @Column('boolean')
  isEnabled: boolean;

  /** Whether a process tries again after a failed start. */
  @Column('boolean')
  autoRestart: boolean;

  /** Events at once in one process. */
  @Column('integer')
  maxConcurrentTasks: number;

  @Column('text', { nullable: true })
  lastError: string | null;

  @Column('integer')
  errorCount: number;

  /** Counts the calls of start and stop, so that one can tell who has followed which. */
  @Column('integer')
  revision: number;
}
