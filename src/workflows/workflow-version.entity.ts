import { Column, Entity, Index } from 'typeorm';
import { IdColumn, JsonColumn, TimestampColumn, UuidColumn } from '../database/portable-columns.js';
import type { Definition } from './definition/definition.js';

/** A definition as it was: never changed, so that a run keeps the one it began with. */
@Entity('workflow_versions')
@Index('workflow_versions_number', ['workflowId', 'version'], { unique: true })
export class WorkflowVersionEntity {
  @IdColumn('workflow_versions_pk')
  id: string;

  @UuidColumn()
  workflowId: string;

  @Column('integer')
  version: number;

  @Column('varchar', { length: 64 })
  hash: string;

  @JsonColumn()
  definition: Definition;

  @Column('varchar', { length: 128, nullable: true })
  createdBy: string | null;

  @TimestampColumn()
  createdAt: Date;
}
