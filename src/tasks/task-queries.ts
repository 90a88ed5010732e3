import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { Brackets, DataSource, type SelectQueryBuilder } from 'typeorm';
import { dialectOf } from '../database/portable-data-source.js';
import { pageOf, placeOf } from '../http/page.js';
import type { ListTasksQuery } from './dto/list-tasks.query.js';
import { TaskRunEntity } from './task-run.entity.js';
import { TaskEntity } from './task.entity.js';

/** Reading stored tasks. */
@Injectable()
export class TaskQueries {
  private readonly postgres: boolean;

  constructor(@InjectDataSource() private readonly dataSource: DataSource) {
    this.postgres = dialectOf(dataSource.options) === 'postgres';
  }

  /** Newest first; the cursor names the last task of the page before, so that new tasks shift nothing. */
  async list(query: ListTasksQuery): Promise<{ items: TaskEntity[]; nextCursor: string | null }> {
    const limit = query.limit ?? 50;
    const builder = this.dataSource
      .createQueryBuilder(TaskEntity, 'task')
      .orderBy('task.createdAt', 'DESC')
      .addOrderBy('task.id', 'DESC')
      .take(limit + 1);
    this.filter(builder, query);
    if (query.cursor !== undefined) {
      const after = placeOf(query.cursor);
      builder.andWhere(
        new Brackets((either) =>
          either
            .where('task.createdAt < :at', after)
            .orWhere(
              new Brackets((both) => both.where('task.createdAt = :at').andWhere('task.id < :id', after)),
            ),
        ),
      );
    }
    return pageOf(await builder.getMany(), limit, ({ createdAt, id }) => ({ at: createdAt, id }));
  }

  /** The runs that ended, oldest first. */
  runs(taskId: string): Promise<TaskRunEntity[]> {
    return this.dataSource.manager.find(TaskRunEntity, { where: { taskId }, order: { number: 'ASC' } });
  }

  run(taskId: string, number: number): Promise<TaskRunEntity | null> {
    return this.dataSource.manager.findOneBy(TaskRunEntity, { taskId, number });
  }

  /** Tasks of the same queue that would be claimed before this one. */
  async ahead(task: TaskEntity): Promise<number> {
    return this.dataSource
      .createQueryBuilder(TaskEntity, 'task')
      .where(`task.status = 'queued' AND task.hold IS NULL AND task.queue = :queue`, task)
      .andWhere(
        `(task.priorityRank < :priorityRank OR (task.priorityRank = :priorityRank AND (task.createdAt < :createdAt
          OR (task.createdAt = :createdAt AND task.id < :id))))`,
        { priorityRank: task.priorityRank, createdAt: task.createdAt, id: task.id },
      )
      .getCount();
  }

  /** The task that holds a concurrency key now. */
  keyHolder(key: string): Promise<TaskEntity | null> {
    return this.dataSource
      .createQueryBuilder(TaskEntity, 'task')
      .where('task.concurrencyKey = :key', { key })
      .andWhere(`(task.status = 'running' OR (task.status = 'queued' AND task.hold IS NULL))`)
      .getOne();
  }

  private filter(builder: SelectQueryBuilder<TaskEntity>, query: ListTasksQuery): void {
    if (query.status) builder.andWhere('task.status IN (:...status)', { status: query.status });
    if (query.type) builder.andWhere('task.type IN (:...type)', { type: query.type });
    if (query.priority) builder.andWhere('task.priority IN (:...priority)', { priority: query.priority });
    if (query.source !== undefined) builder.andWhere('task.source = :source', query);
    if (query.tag !== undefined) this.hasTag(builder, query.tag);
    for (const key of ['repository', 'environment'] as const) {
      if (query[key] === undefined) continue;
      const member = this.postgres ? `task.target ->> '${key}'` : `json_extract(task.target, '$.${key}')`;
      builder.andWhere(`${member} = :${key}`, { [key]: query[key] });
    }
    if (query.created_after)
      builder.andWhere('task.createdAt > :after', { after: new Date(query.created_after) });
    if (query.created_before)
      builder.andWhere('task.createdAt < :before', { before: new Date(query.created_before) });
    if (query.q !== undefined) this.containsText(builder, query.q);
  }

  private hasTag(builder: SelectQueryBuilder<TaskEntity>, tag: string): void {
    if (this.postgres) builder.andWhere('task.tags @> CAST(:tags AS jsonb)', { tags: JSON.stringify([tag]) });
    else
      builder.andWhere('EXISTS (SELECT 1 FROM json_each(task.tags) WHERE json_each.value = :tag)', { tag });
  }

  /** Text anywhere in payload, target, error or id; letter case of ASCII does not matter. */
  private containsText(builder: SelectQueryBuilder<TaskEntity>, text: string): void {
    const pattern = `%${text.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`;
    const columns = ['task.id', 'task.payload', 'task.target', 'task.error'];
    const like = columns.map((column) => `LOWER(CAST(${column} AS text)) LIKE :pattern ESCAPE '\\'`);
    builder.andWhere(`(${like.join(' OR ')})`, { pattern });
  }
}
