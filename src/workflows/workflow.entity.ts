import { Check, Column, Entity, Index } from 'typeorm';
import type { JsonObject } from '../common/json.js';
import { IdColumn, JsonColumn, TimestampColumn } from '../database/portable-columns.js';
import type { Definition } from './definition/definition.js';

export const WORKFLOW_STATUSES = ['idle', 'running', 'completed', 'failed', 'cancelled'] as const;
/** Of the newest run; `idle` before the first one. */
export type WorkflowStatus = (typeof WORKFLOW_STATUSES)[number];

export const WORKFLOW_ORIGINS = ['code', 'api'] as const;
export type WorkflowOrigin = (typeof WORKFLOW_ORIGINS)[number];

/** A workflow under its name, with its newest definition. */
@Entity('workflows')
@Check('workflows_status', `status IN ('idle', 'running', 'completed', 'failed', 'cancelled')`)
@Check('workflows_origin', `origin IN ('code', 'api')`)
@Check('workflows_version', 'version >= 1 AND execution_count >= 0')
@Index('workflows_name', ['name'], { unique: true })
@Index('workflows_status_active', ['status', 'isActive'])
@Index('workflows_last_executed', ['lastExecutedAt'])
export class WorkflowEntity {
  @IdColumn('workflows_pk')
  id: string;

  @Column('varchar', { length: 100 })
  name: string;

  @Column('text')
  description: string;

  @JsonColumn()
  triggerEvents: string[];

  @Column('text', { nullable: true })
  triggerConditions: string | null;

  @JsonColumn()
  steps: JsonObject[];

  @Column('varchar', { length: 16 })
  status: WorkflowStatus;

  @Column('boolean')
  isActive: boolean;

  @Column('integer')
  timeoutSeconds: number;

  /** `code`: it comes with the program, which alone changes it. */
  @Column('varchar', { length: 16 })
  origin: WorkflowOrigin;

  @Column('integer')
  version: number;

  /** SHA-256 of the definition in its normal form. */
  @Column('varchar', { length: 64 })
  hash: string;

  @JsonColumn()
  definition: Definition;

  @Column('integer')
  executionCount: number;

  @TimestampColumn({ nullable: true })
  lastExecutedAt: Date | null;

  /** Event and inputs of the newest run. */
  @JsonColumn({ nullable: true })
  lastExecutionContext: JsonObject | null;

  @JsonColumn({ nullable: true })
  lastResult: JsonObject | null;

  @Column('text', { nullable: true })
  lastError: string | null;

  @TimestampColumn()
  createdAt: Date;

  @TimestampColumn()
  updatedAt: Date;
}
