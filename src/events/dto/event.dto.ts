import { ApiProperty } from '@nestjs/swagger';
import type { JsonObject } from '../../common/json.js';
import type { Consequence } from '../consequences.js';
import {
  DELIVERY_STATUSES,
  type DeliveryStatus,
  type EventDeliveryEntity,
} from '../event-delivery.entity.js';
import {
  CAUSE_KINDS,
  type CauseKind,
  EVENT_PRIORITIES,
  EVENT_STATUSES,
  type EventEntity,
  type EventPriority,
  type EventStatus,
} from '../event.entity.js';

/** What led to an event or a task. */
export class CauseDto {
  @ApiProperty({ enum: CAUSE_KINDS, enumName: 'CauseKind' })
  kind: CauseKind;

  id: string;
}

/** Something that happened. */
export class EventDto {
  @ApiProperty({ format: 'uuid' })
  id: string;

  /** @example "development.code_commit" */
  type: string;

  /** Who said so. */
  source: string;

  @ApiProperty({ type: 'object', additionalProperties: true })
  data: JsonObject;

  @ApiProperty({ enum: EVENT_PRIORITIES, enumName: 'EventPriority' })
  priority: EventPriority;

  @ApiProperty({ type: 'object', additionalProperties: { type: 'string' } })
  tags: Record<string, string>;

  /** `completed`: all whom it interests have handled it, at once when it interests nobody. `failed`: one has given up. */
  @ApiProperty({ enum: EVENT_STATUSES, enumName: 'EventStatus' })
  status: EventStatus;

  @ApiProperty({ format: 'date-time' })
  created_at: string;

  @ApiProperty({ type: 'string', format: 'date-time', nullable: true })
  processed_at: string | null;

  /** Names of those who handled it, comma-separated. */
  processed_by: string | null;

  /** What came of it, by the name of who handled it. */
  @ApiProperty({ type: 'object', additionalProperties: true, nullable: true })
  result: JsonObject | null;

  /** Why it has failed, a line for each who gave up. */
  error: string | null;

  /** The sender's own name for it. */
  dedup_id: string | null;

  @ApiProperty({ type: CauseDto, nullable: true })
  caused_by: CauseDto | null;

  /** Name of the key, agent, workflow, schedule or webhook that recorded it. */
  actor: string | null;
}

/** One event on its way to one subscriber. */
export class DeliveryDto {
  /** Told to the subscriber at every attempt. */
  @ApiProperty({ format: 'uuid' })
  delivery_id: string;

  /** @example "agent:build-doctor" */
  subscriber: string;

  /** `failed`: will be tried again. `dead`: only POST /events/{id}/redeliver begins anew. `skipped`: not wanted, see `error`. */
  @ApiProperty({ enum: DELIVERY_STATUSES, enumName: 'DeliveryStatus' })
  status: DeliveryStatus;

  /** Attempts begun. */
  attempt: number;

  /** Those of them whose process died. */
  lost_attempts: number;

  /** What the subscriber answered. */
  @ApiProperty({ type: 'object', additionalProperties: true, nullable: true })
  outcome: JsonObject | null;

  error: string | null;

  /** null when nothing is left to do. While an attempt goes on: when others take over, should its process have died. */
  @ApiProperty({ type: 'string', format: 'date-time', nullable: true })
  next_attempt_at: string | null;

  /** Of the newest attempt. */
  @ApiProperty({ type: 'string', format: 'date-time', nullable: true })
  started_at: string | null;

  /** Of the newest attempt. */
  @ApiProperty({ type: 'string', format: 'date-time', nullable: true })
  finished_at: string | null;
}

/** Something that an event led to. */
export class ConsequenceDto {
  @ApiProperty({ enum: ['event', 'task', 'workflow_run'], enumName: 'ConsequenceKind' })
  kind: 'event' | 'task' | 'workflow_run';

  id: string;

  /** Type of the event or task, name of the workflow. */
  type: string;

  status: string;

  @ApiProperty({ format: 'date-time' })
  created_at: string;
}

/** An event with whom it was told to and what it led to. */
export class EventDetailDto extends EventDto {
  /** By the names of the subscribers. */
  deliveries: DeliveryDto[];

  /** Events, tasks and workflow runs that it led to directly, oldest first; at most 100 of each. */
  caused: ConsequenceDto[];
}

/** What POST /events answers. */
export class EventAcceptedDto {
  @ApiProperty({ enum: ['success'] })
  status: 'success';

  @ApiProperty({ format: 'uuid' })
  event_id: string;

  message: string;
}

/** What POST /test/infrastructure-alert answers. */
export class TestAlertDto {
  @ApiProperty({ enum: ['success'] })
  status: 'success';

  @ApiProperty({ format: 'uuid' })
  event_id: string;
}

export function toEventDto(event: EventEntity): EventDto {
  return {
    id: event.id,
    type: event.type,
    source: event.source,
    data: event.data,
    priority: event.priority,
    tags: event.tags,
    status: event.status,
    created_at: event.createdAt.toISOString(),
    processed_at: event.processedAt?.toISOString() ?? null,
    processed_by: event.processedBy,
    result: event.result,
    error: event.error,
    dedup_id: event.dedupId,
    caused_by: event.causedBy,
    actor: event.actor,
  };
}

export function toDeliveryDto(delivery: EventDeliveryEntity): DeliveryDto {
  return {
    delivery_id: delivery.id,
    subscriber: delivery.subscriber,
    status: delivery.status,
    attempt: delivery.attempt,
    lost_attempts: delivery.lostAttempts,
    outcome: delivery.outcome,
    error: delivery.error,
    next_attempt_at: delivery.nextAttemptAt?.toISOString() ?? null,
    started_at: delivery.startedAt?.toISOString() ?? null,
    finished_at: delivery.finishedAt?.toISOString() ?? null,
  };
}

export function toConsequenceDto({ createdAt, ...consequence }: Consequence): ConsequenceDto {
  return { ...consequence, created_at: createdAt.toISOString() };
}

export function accepted(event: EventEntity, replayed: boolean): EventAcceptedDto {
  const message = replayed
    ? 'Event was recorded before; nothing new was stored'
    : 'Event created and queued for processing';
  return { status: 'success', event_id: event.id, message };
}
