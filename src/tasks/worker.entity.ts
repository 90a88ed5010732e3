import { Column, Entity, PrimaryColumn } from 'typeorm';
import { JsonColumn, TimestampColumn } from '../database/portable-columns.js';

/** A worker process that says it lives: kept by its heartbeat, removed when it stops, or when it has long been silent. */
@Entity('workers')
export class WorkerEntity {
  @PrimaryColumn('varchar', { length: 128, primaryKeyConstraintName: 'workers_pk' })
  id: string;

  @Column('varchar', { length: 255 })
  host: string;

  @Column('integer')
  pid: number;

  @JsonColumn()
  queues: string[];

  @JsonColumn()
  types: string[];

  @Column('integer')
  slots: number;

  @Column('integer')
  busy: number;

  /** Why it takes no new task although slots are free, e.g. the disk is full; null when it does. */
  @Column('text', { nullable: true })
  paused: string | null;

  /** How far its clock is ahead of the database's; null where they are the same (SQLite), or before it was measured. */
  @Column('integer', { nullable: true })
  clockSkewMs: number | null;

  @TimestampColumn()
  startedAt: Date;

  @TimestampColumn()
  heartbeatAt: Date;
}
