import { ApiProperty } from '@nestjs/swagger';
import {
  type CallbackAttempt,
  CALLBACK_EVENTS,
  CALLBACK_STATUSES,
  type CallbackEntity,
  type CallbackEvent,
  type CallbackStatus,
} from '../tasks/callback.entity.js';

/** One request to a callback URL, and what came of it. */
export class CallbackAttemptDto implements CallbackAttempt {
  @ApiProperty({ format: 'date-time' })
  at: string;

  /** Of the receiver's answer; null when none came. Only 2xx is success. */
  @ApiProperty({ type: 'integer', nullable: true, example: 503 })
  status_code: number | null;

  /** Why it is no delivery; null when it is. Begins with `blocked:`, `dns:`, `network:` or `timeout:` when no answer came. */
  @ApiProperty({ type: 'string', nullable: true, example: 'The receiver answered 503 instead of 2xx.' })
  error: string | null;

  @ApiProperty({ type: 'integer' })
  duration_ms: number;
}

/** A message to the `callback_url` of a task that says how the task ended: one for each time that it did. */
export class CallbackDto {
  /** The header `webhook-id` of every attempt. */
  @ApiProperty({ format: 'uuid', example: '019aa5a4-9f00-7c11-8d2e-5b6f7a8c9d0e' })
  callback_id: string;

  @ApiProperty({ format: 'uuid', example: '019aa5a4-6c1e-7b3a-9d51-0f4c5e1a2b3c' })
  task_id: string;

  @ApiProperty({ example: 'https://ci.example.com/hooks/tower' })
  url: string;

  @ApiProperty({ enum: CALLBACK_EVENTS, enumName: 'CallbackEvent' })
  event: CallbackEvent;

  /** `dead`: the last attempt failed too, or the receiver answered 410; POST /callbacks/{id}/redeliver begins anew. */
  @ApiProperty({ enum: CALLBACK_STATUSES, enumName: 'CallbackStatus' })
  status: CallbackStatus;

  /** Attempts begun, the present one included; 0 again after redeliver. */
  @ApiProperty({ type: 'integer' })
  attempt: number;

  /** Attempts that ended, oldest first; the newest 20, over all redeliveries. */
  @ApiProperty({ type: [CallbackAttemptDto] })
  attempts: CallbackAttemptDto[];

  /** Of the newest attempt. */
  @ApiProperty({ type: 'integer', nullable: true, example: 503 })
  last_status_code: number | null;

  /** Of the newest attempt. */
  @ApiProperty({ type: 'string', nullable: true, example: 'The receiver answered 503 instead of 2xx.' })
  last_error: string | null;

  /** null unless pending. While an attempt goes on: when it counts as lost. */
  @ApiProperty({ type: 'string', format: 'date-time', nullable: true })
  next_attempt_at: string | null;

  /** When the task ended. */
  @ApiProperty({ format: 'date-time' })
  created_at: string;

  /** null unless delivered. */
  @ApiProperty({ type: 'string', format: 'date-time', nullable: true })
  delivered_at: string | null;
}

export class CallbackListDto {
  /** Oldest first; empty while the task has not ended, and when it asked for no callback. */
  @ApiProperty({ type: [CallbackDto] })
  items: CallbackDto[];
}

export function toCallbackDto(callback: CallbackEntity): CallbackDto {
  const last = callback.history.at(-1);
  return {
    callback_id: callback.id,
    task_id: callback.taskId,
    url: callback.url,
    event: callback.event,
    status: callback.status,
    attempt: callback.attempt,
    attempts: callback.history,
    last_status_code: last?.status_code ?? null,
    last_error: last?.error ?? null,
    next_attempt_at: callback.nextAttemptAt?.toISOString() ?? null,
    created_at: callback.createdAt.toISOString(),
    delivered_at: callback.deliveredAt?.toISOString() ?? null,
  };
}
