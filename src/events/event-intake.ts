import { Injectable } from '@nestjs/common';
import type { Type } from '@nestjs/common';
import type { IncomingHttpHeaders } from 'node:http';
import { ValidationError } from '../common/errors.js';
import type { JsonObject } from '../common/json.js';
import { validateAs } from '../http/validation.js';
import { fromCloudEvent, isCloudEvent } from './cloud-event.js';
import { type EventQuery, PostEventDto, SeedEventDto, SeedEventQuery } from './dto/post-event.dto.js';
import type { NewEvent } from './insert-events.js';

/** Turns what a client sent, in any of the forms that there are, into an event, or says everything that is wrong with it. */
@Injectable()
export class EventIntake {
  /** @throws ValidationError */
  read(headers: IncomingHttpHeaders, query: EventQuery, body: JsonObject | undefined): NewEvent {
    const inQuery = Object.keys(query).filter((name) => query[name as keyof EventQuery] !== undefined);
    if (isCloudEvent(headers)) {
      refuseQuery(inQuery, 'a CloudEvent');
      return toNewEvent(checked(PostEventDto, fromCloudEvent(headers, body)));
    }
    if (inQuery.some((name) => name !== 'priority')) return this.seedForm(query, body ?? {});
    refuseQuery(inQuery, 'an event whose type and source stand in the body');
    return toNewEvent(checked(PostEventDto, body ?? {}));
  }

  private seedForm(query: EventQuery, body: JsonObject): NewEvent {
    const asked = validateAs(SeedEventQuery, { ...query });
    const sent = validateAs(SeedEventDto, body);
    if (!asked.ok || !sent.ok)
      throw new ValidationError([...(asked.ok ? [] : asked.violations), ...(sent.ok ? [] : sent.violations)]);
    const { event_type: type, source, priority } = asked.value;
    return { type, source, priority, data: sent.value.data, tags: sent.value.tags ?? {} };
  }
}

function checked<T extends object>(dto: Type<T>, value: object): T {
  const result = validateAs(dto, value);
  if (result.ok) return result.value;
  throw new ValidationError(result.violations);
}

function toNewEvent({ dedup_id: dedupId, tags, ...event }: PostEventDto): NewEvent {
  return { ...event, tags: tags ?? {}, dedupId: dedupId ?? null };
}

/** An option that nothing honours is refused, never ignored. */
function refuseQuery(names: readonly string[], what: string): void {
  if (names.length === 0) return;
  throw new ValidationError(
    names.map((name) => ({
      pointer: `/${name}`,
      code: 'UNKNOWN_FIELD',
      message: `${name} does not go into the query of ${what}`,
    })),
  );
}
