import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import {
  IsIn,
  IsObject,
  IsOptional,
  IsString,
  Length,
  Matches,
  MaxLength,
  ValidateBy,
} from 'class-validator';
import type { JsonObject } from '../../common/json.js';
import { JsonBytesMax } from '../../http/json-bytes-max.js';
import { EVENT_PRIORITIES, type EventPriority } from '../event.entity.js';
import { EVENT_TYPE_CHARACTERS_MAX, EVENT_TYPE_FORM } from '../event-types.js';

export const EVENT_DATA_BYTES_MAX = 262_144;
const TAGS_MAX = 32;
const TAG_CHARACTERS_MAX = 256;

const IsEventType = (): PropertyDecorator => (target, property) => {
  IsString()(target, property);
  MaxLength(EVENT_TYPE_CHARACTERS_MAX)(target, property);
  Matches(EVENT_TYPE_FORM, {
    message: '$property must be words of letters, digits, "_" and "-", with dots between them',
  })(target, property);
};

/** As the seed compares it: without regard to letter case. */
const LowerCase = (): PropertyDecorator =>
  Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? value.toLowerCase() : value));

/** At most 32 names of 1-64 characters, each with a text of at most 256. */
function IsTagMap(): PropertyDecorator {
  const validate = (value: unknown): boolean => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
    const tags = Object.entries(value);
    return (
      tags.length <= TAGS_MAX &&
      tags.every(
        ([name, text]) =>
          name.length >= 1 &&
          name.length <= 64 &&
          typeof text === 'string' &&
          text.length <= TAG_CHARACTERS_MAX,
      )
    );
  };
  const defaultMessage = (): string =>
    `tags must be an object of at most ${TAGS_MAX} names (1-64 characters), each with a text of at most ${TAG_CHARACTERS_MAX}`;
  return ValidateBy({ name: 'isTagMap', validator: { validate, defaultMessage } });
}

class PriorityQuery {
  @IsOptional()
  @LowerCase()
  @IsIn(EVENT_PRIORITIES)
  @ApiProperty({ enum: EVENT_PRIORITIES, enumName: 'EventPriority', required: false })
  priority?: EventPriority;
}

/** The seed's form: what it is stands in the query, what it holds in the body. */
export class EventQuery extends PriorityQuery {
  /** With `source`: the body then holds `data` and `tags` only. */
  @IsOptional()
  @IsEventType()
  event_type?: string;

  @IsOptional()
  @IsString()
  @Length(1, 255)
  source?: string;
}

/** The same where it must be whole. Not derived from it: what a base class allows to be absent stays so. */
export class SeedEventQuery extends PriorityQuery {
  @IsEventType()
  event_type: string;

  @IsString()
  @Length(1, 255)
  source: string;
}

/** The body of the seed's form. */
export class SeedEventDto {
  /** At most 256 KiB. */
  @IsObject()
  @JsonBytesMax(EVENT_DATA_BYTES_MAX)
  @ApiProperty({ type: 'object', additionalProperties: true })
  data: JsonObject;

  @IsOptional()
  @IsTagMap()
  @ApiPropertyOptional({ type: 'object', additionalProperties: { type: 'string' }, nullable: true })
  tags?: Record<string, string> | null;
}

/** An event as one JSON body. */
export class PostEventDto extends SeedEventDto {
  /**
   * One of the known types or any other.
   * @example "infrastructure.alert"
   */
  @IsEventType()
  type: string;

  /**
   * Who says so.
   * @example "grafana"
   */
  @IsString()
  @Length(1, 255)
  source: string;

  @IsOptional()
  @LowerCase()
  @IsIn(EVENT_PRIORITIES)
  @ApiProperty({ enum: EVENT_PRIORITIES, enumName: 'EventPriority', required: false })
  priority?: EventPriority;

  /** The sender's own name for the event: of one source, each is stored once. */
  @IsOptional()
  @IsString()
  @Length(1, 255)
  dedup_id?: string;
}
