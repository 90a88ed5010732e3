import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { newId } from '../common/ids.js';
import type { JsonObject } from '../common/json.js';
import { storableJson, storableText } from '../database/storable.js';
import { execute, hydrate, insertSql, type SqlClock, sqlClock } from '../database/statements.js';
import { AgentEntity } from './agent.entity.js';
import type { InstanceState } from './agent-instances.js';

export interface AgentFacts {
  name: string;
  type: string;
  description: string;
  config: JsonObject;
  capabilities: string[];
  maxConcurrentTasks: number;
}

/** Whether an agent shall run, and which call of start or stop said so. */
export type Desired = Pick<AgentEntity, 'name' | 'isEnabled' | 'autoRestart' | 'revision'>;

/** The rows of agents: guarded or adding statements, so that any number of processes may write. */
@Injectable()
export class AgentRows {
  private readonly clock: SqlClock;

  constructor(@InjectDataSource() private readonly dataSource: DataSource) {
    this.clock = sqlClock(dataSource);
  }

  /** Makes the row of an agent that is new, enabled; of one that is known, brings up to date what the code says. */
  async register(facts: AgentFacts): Promise<void> {
    const row = Object.assign(new AgentEntity(), facts, {
      id: newId(),
      status: 'inactive',
      healthStatus: 'unknown',
      tasksCompleted: 0,
      tasksFailed: 0,
      isEnabled: true,
      autoRestart: true,
      errorCount: 0,
      revision: 0,
    });
    const metadata = this.dataSource.getMetadata(AgentEntity);
    const { sql, parameters } = insertSql(metadata, row, { createdAt: this.clock.now });
    const columns = ['type', 'description', 'config', 'capabilities', 'max_concurrent_tasks'];
    const updates = columns.map((column) => `${column} = excluded.${column}`).join(', ');
    await execute(this.dataSource.manager, `${sql} ON CONFLICT (name) DO UPDATE SET ${updates}`, parameters);
  }

  async find(name: string): Promise<AgentEntity | null> {
    return this.dataSource.manager.findOneBy(AgentEntity, { name });
  }

  async all(): Promise<AgentEntity[]> {
    return this.dataSource.manager.find(AgentEntity, { order: { name: 'ASC' } });
  }

  async desired(): Promise<Map<string, Desired>> {
    const rows = await this.dataSource.manager.find(AgentEntity, {
      select: { name: true, isEnabled: true, autoRestart: true, revision: true },
    });
    return new Map(rows.map((row) => [row.name, row]));
  }

  /** Says whether an agent shall run; said again, processes whose start has failed try once more. @returns null when there is none */
  async setEnabled(name: string, enabled: boolean): Promise<Desired | null> {
    return this.change(`is_enabled = ${enabled ? 'true' : 'false'}, revision = revision + 1`, name);
  }

  /** Counts an event that was handled, or at which an attempt failed. */
  async countEvent(name: string, milliseconds: number, error: string | null): Promise<void> {
    const counted = error === null ? 'tasks_completed = tasks_completed + 1' : this.failed('$3');
    const average = `COALESCE(average_response_time, 0)`;
    await this.change(
      `${counted}, last_activity_at = ${this.clock.now}, average_response_time =
         ${average} + (CAST($2 AS double precision) - ${average}) / (tasks_completed + tasks_failed + 1)`,
      name,
      milliseconds,
      ...(error === null ? [] : [storableText(error)]),
    );
  }

  /** Counts a start or a stop that failed. */
  async countError(name: string, error: string): Promise<void> {
    await this.change('error_count = error_count + 1, last_error = $2', name, storableText(error));
  }

  /** Writes down what all processes together say of it. */
  async summarise(name: string, state: InstanceState): Promise<void> {
    await this.change(
      `status = $2, health_status = $3, health_details = $4, last_heartbeat = ${this.clock.now},
       started_at = CASE WHEN CAST($2 AS text) <> 'running' THEN NULL ELSE COALESCE(started_at, ${this.clock.now}) END`,
      name,
      state.status === 'stopped' ? 'inactive' : state.status,
      state.health,
      state.healthDetails && storableJson(state.healthDetails),
    );
  }

  private failed(error: string): string {
    return `tasks_failed = tasks_failed + 1, error_count = error_count + 1, last_error = ${error}`;
  }

  private async change(changes: string, name: string, ...parameters: unknown[]): Promise<AgentEntity | null> {
    const sql = `UPDATE agents SET ${changes} WHERE name = $1 RETURNING *`;
    const { rows } = await execute(this.dataSource.manager, sql, [name, ...parameters]);
    return rows[0] === undefined ? null : hydrate(this.dataSource.getMetadata(AgentEntity), rows[0]);
  }
}
