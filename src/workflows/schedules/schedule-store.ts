import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource, type EntityManager } from 'typeorm';
import { NotFoundError } from '../../common/errors.js';
import { newId } from '../../common/ids.js';
import { execute, hydrate, insertSql, type SqlClock, sqlClock } from '../../database/statements.js';
import type { WorkflowEntity } from '../workflow.entity.js';
import { ScheduleDecisionEntity } from './schedule-decision.entity.js';
import { ScheduleEntity } from './schedule.entity.js';
import { parseCron, type Ticks } from './ticks.js';

export type NewDecision = Pick<
  ScheduleDecisionEntity,
  'scheduleId' | 'fireAt' | 'kind' | 'outcome' | 'reason' | 'runId' | 'decidedBy'
>;

/** Stored schedules and the decisions about their ticks. */
@Injectable()
export class ScheduleStore {
  private readonly clock: SqlClock;

  constructor(@InjectDataSource() private readonly dataSource: DataSource) {
    this.clock = sqlClock(dataSource);
  }

  /**
   * Makes the stored schedules those of a definition that was just stored, in its transaction. One that is as it was goes
   * on where it is; one whose times have changed begins now.
   */
  async follow(manager: EntityManager, workflow: WorkflowEntity): Promise<void> {
    const now = await this.now(manager);
    const known = await manager.findBy(ScheduleEntity, { workflowId: workflow.id });
    const wanted = workflow.definition.schedules.map((spec) => ({
      ...spec,
      name: `${workflow.name}.${spec.name}`,
    }));
    for (const { name, id } of known) {
      if (wanted.some((spec) => spec.name === name)) continue;
      // Its decisions stay: they say what became of its ticks.
      await manager.delete(ScheduleEntity, { id });
    }
    for (const spec of wanted) {
      const before = known.find(({ name }) => name === spec.name);
      const same =
        before?.cron === spec.cron && before.timeZone === spec.time_zone && before.nextFireAt !== null;
      const decidedUntil = same ? before.decidedUntil : now;
      const row = Object.assign(new ScheduleEntity(), {
        id: before?.id ?? newId(),
        name: spec.name,
        workflowId: workflow.id,
        workflowName: workflow.name,
        cron: spec.cron,
        timeZone: spec.time_zone,
        inputs: spec.inputs,
        missed: spec.missed,
        missedMax: spec.missed_max,
        overlap: spec.overlap,
        decidedUntil,
        nextFireAt: workflow.isActive ? ticksOf(spec.cron, spec.time_zone).next(decidedUntil) : null,
        createdAt: before?.createdAt ?? now,
      });
      if (before === undefined) await manager.insert(ScheduleEntity, row);
      else await manager.update(ScheduleEntity, { id: row.id }, row);
    }
  }

  /** Schedules whose tick has come. */
  async due(max: number): Promise<ScheduleEntity[]> {
    const { rows } = await execute(
      this.dataSource.manager,
      `SELECT * FROM schedules WHERE next_fire_at <= ${this.clock.now} ORDER BY next_fire_at, id LIMIT $1`,
      [max],
    );
    return rows.map((row) => this.toSchedule(row));
  }

  /**
   * Says that every tick up to `until` is decided, in the transaction that writes the decisions.
   *
   * @returns false when another process has decided meanwhile
   */
  async decided(manager: EntityManager, schedule: ScheduleEntity, until: Date): Promise<boolean> {
    const { affected = 0 } = await manager.update(
      ScheduleEntity,
      { id: schedule.id, decidedUntil: schedule.decidedUntil, nextFireAt: schedule.nextFireAt! },
      { decidedUntil: until, nextFireAt: ticksOf(schedule.cron, schedule.timeZone).next(until) },
    );
    return affected > 0;
  }

  /** @returns false when this tick has started a run before */
  async insertDecision(manager: EntityManager, decision: NewDecision): Promise<boolean> {
    const metadata = this.dataSource.getMetadata(ScheduleDecisionEntity);
    const row = Object.assign(new ScheduleDecisionEntity(), { id: newId(), ...decision });
    const { sql, parameters } = insertSql(metadata, row, { decidedAt: this.clock.now });
    const { rows } = await execute(manager, `${sql} ON CONFLICT DO NOTHING RETURNING id`, parameters);
    return rows.length > 0;
  }

  async hasFired(manager: EntityManager, scheduleId: string, fireAt: Date): Promise<boolean> {
    return manager
      .createQueryBuilder(ScheduleDecisionEntity, 'decision')
      .where(
        'decision.scheduleId = :scheduleId AND decision.fireAt = :fireAt AND decision.runId IS NOT NULL',
        {
          scheduleId,
          fireAt,
        },
      )
      .getExists();
  }

  /** Whether a run of the schedule goes on, or waits. */
  async isBusy(manager: EntityManager, scheduleId: string): Promise<boolean> {
    const { rows } = await execute(
      manager,
      `SELECT 1 AS busy FROM workflow_runs WHERE schedule_id = $1 AND status IN ('queued', 'running') LIMIT 1`,
      [scheduleId],
    );
    return rows.length > 0;
  }

  /** The time of the database. */
  async now(manager: EntityManager = this.dataSource.manager): Promise<Date> {
    const { rows } = await execute(manager, `SELECT ${this.clock.now} AS now`);
    const now = rows[0]['now'] as Date | string;
    return now instanceof Date ? now : new Date(`${now.replace(' ', 'T')}Z`);
  }

  list(): Promise<ScheduleEntity[]> {
    return this.dataSource.manager.find(ScheduleEntity, { order: { name: 'ASC' } });
  }

  /** @throws NotFoundError SCHEDULE_NOT_FOUND */
  async get(name: string): Promise<ScheduleEntity> {
    const found = name.includes('\0')
      ? null
      : await this.dataSource.manager.findOneBy(ScheduleEntity, { name });
    if (found === null) throw new NotFoundError('SCHEDULE', `There is no schedule ${name.slice(0, 128)}.`);
    return found;
  }

  /** Newest tick first. */
  decisions(
    scheduleId: string,
    before: { fireAt: Date; id: string } | null,
    max: number,
  ): Promise<ScheduleDecisionEntity[]> {
    const builder = this.dataSource
      .createQueryBuilder(ScheduleDecisionEntity, 'decision')
      .where('decision.scheduleId = :scheduleId', { scheduleId })
      .orderBy('decision.fireAt', 'DESC')
      .addOrderBy('decision.id', 'DESC')
      .take(max);
    if (before !== null) {
      builder.andWhere(
        '(decision.fireAt < :fireAt OR (decision.fireAt = :fireAt AND decision.id < :id))',
        before,
      );
    }
    return builder.getMany();
  }

  private toSchedule(row: Record<string, unknown>): ScheduleEntity {
    return hydrate<ScheduleEntity>(this.dataSource.getMetadata(ScheduleEntity), row);
  }
}

/** Of a stored schedule, whose expression was checked when its workflow was stored. */
export function ticksOf(cron: string, timeZone: string): Ticks {
  const parsed = parseCron(cron, timeZone);
  if (!parsed.ok) throw new Error(`"${cron}" is no cron expression: ${parsed.message}`);
  return parsed.ticks;
}
