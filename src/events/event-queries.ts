import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource, type SelectQueryBuilder } from 'typeorm';
import { NotFoundError } from '../common/errors.js';
import { isId } from '../common/ids.js';
import { dialectOf } from '../database/portable-data-source.js';
import { type Consequence, Consequences } from './consequences.js';
import type { ListEventsQuery } from './dto/list-events.query.js';
import { EventDeliveryEntity } from './event-delivery.entity.js';
import { type EventCause, EventEntity } from './event.entity.js';

/** Reading stored events. */
@Injectable()
export class EventQueries {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly consequences: Consequences,
  ) {
    consequences.add((cause, limit) => this.causedBy(cause, limit));
  }

  /** Newest first. */
  list(query: ListEventsQuery): Promise<EventEntity[]> {
    const builder = this.dataSource
      .createQueryBuilder(EventEntity, 'event')
      .orderBy('event.createdAt', 'DESC')
      .addOrderBy('event.id', 'DESC')
      .offset(query.offset ?? 0)
      .limit(query.limit ?? 100);
    filter(builder, query, dialectOf(this.dataSource.options) === 'postgres');
    return builder.getMany();
  }

  /** @throws NotFoundError EVENT_NOT_FOUND */
  async get(id: string): Promise<EventEntity> {
    const event = isId(id) ? await this.dataSource.manager.findOneBy(EventEntity, { id }) : null;
    if (event === null) throw new NotFoundError('EVENT', `There is no event ${id.slice(0, 64)}.`);
    return event;
  }

  deliveries(eventId: string): Promise<EventDeliveryEntity[]> {
    return this.dataSource.manager.find(EventDeliveryEntity, {
      where: { eventId },
      order: { subscriber: 'ASC' },
    });
  }

  /** What the event led to directly. */
  caused(eventId: string): Promise<Consequence[]> {
    return this.consequences.of({ kind: 'event', id: eventId });
  }

  private async causedBy({ kind, id }: EventCause, limit: number): Promise<Consequence[]> {
    const events = await this.dataSource.manager.find(EventEntity, {
      where: { causedById: id, causedByKind: kind },
      order: { createdAt: 'ASC', id: 'ASC' },
      take: limit,
    });
    return events.map(({ id, type, status, createdAt }) => ({ kind: 'event', id, type, status, createdAt }));
  }
}

function filter(builder: SelectQueryBuilder<EventEntity>, query: ListEventsQuery, postgres: boolean): void {
  const { event_type: pattern, tag } = query;
  // Not LIKE, which disregards letter case on SQLite.
  if (pattern?.endsWith('.*'))
    builder.andWhere('SUBSTR(event.type, 1, :length) = :prefix', {
      prefix: pattern.slice(0, -1),
      length: pattern.length - 1,
    });
  else if (pattern !== undefined && pattern !== '*')
    builder.andWhere('event.type = :type', { type: pattern });
  for (const key of ['status', 'priority', 'source'] as const)
    if (query[key] !== undefined) builder.andWhere(`event.${key} = :${key}`, { [key]: query[key] });
  if (query.caused_by !== undefined)
    builder.andWhere('event.causedById = :cause', { cause: query.caused_by });
  if (tag !== undefined) {
    const [name, value] = [tag.slice(0, tag.indexOf(':')), tag.slice(tag.indexOf(':') + 1)];
    if (postgres)
      builder.andWhere('event.tags @> CAST(:tags AS jsonb)', { tags: JSON.stringify({ [name]: value }) });
    else
      builder.andWhere(
        'EXISTS (SELECT 1 FROM json_each(event.tags) WHERE json_each.key = :name AND json_each.value = :value)',
        { name, value },
      );
  }
  if (query.created_after)
    builder.andWhere('event.createdAt > :after', { after: new Date(query.created_after) });
  if (query.created_before)
    builder.andWhere('event.createdAt < :before', { before: new Date(query.created_before) });
}
