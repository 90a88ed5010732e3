import { ApiProperty } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  IsIn,
  IsInt,
  IsISO8601,
  IsOptional,
  IsString,
  Length,
  Matches,
  Max,
  MaxLength,
  Min,
} from 'class-validator';
import { EVENT_PRIORITIES, EVENT_STATUSES, type EventPriority, type EventStatus } from '../event.entity.js';

const PATTERN = /^(?:\*|[A-Za-z0-9][A-Za-z0-9_-]*(?:\.[A-Za-z0-9][A-Za-z0-9_-]*)*(?:\.\*)?)$/;

const IsPattern = (): PropertyDecorator => (target, property) => {
  MaxLength(102)(target, property);
  Matches(PATTERN, { message: '$property must be a type, `task.*` for all below `task`, or `*`' })(
    target,
    property,
  );
};

/** Which events of the live stream. */
export class EventStreamQuery {
  /** A type, `task.*` for every type below `task`, or `*`. */
  @IsOptional()
  @IsPattern()
  event_type?: string;
}

/** Filters of the list of events; all given ones must hold. */
export class ListEventsQuery extends EventStreamQuery {
  @IsOptional()
  @IsIn(EVENT_STATUSES)
  @ApiProperty({ enum: EVENT_STATUSES, enumName: 'EventStatus', required: false })
  status?: EventStatus;

  @IsOptional()
  @IsIn(EVENT_PRIORITIES)
  @ApiProperty({ enum: EVENT_PRIORITIES, enumName: 'EventPriority', required: false })
  priority?: EventPriority;

  @IsOptional()
  @IsString()
  @Length(1, 255)
  @Matches(/^[^\0]*$/, { message: 'source must not hold the character U+0000' })
  source?: string;

  /** Id of the task, event, workflow run, agent, schedule or webhook that led to them. */
  @IsOptional()
  @IsString()
  @Length(1, 255)
  @Matches(/^[^\0]*$/, { message: 'caused_by must not hold the character U+0000' })
  caused_by?: string;

  /** `name:value`. */
  @IsOptional()
  @Matches(/^[^\0:]{1,64}:[^\0]{0,256}$/, { message: 'tag must be name:value' })
  tag?: string;

  /** RFC 3339. */
  @IsOptional()
  @IsISO8601({ strict: true, strictSeparator: true })
  created_after?: string;

  /** RFC 3339. */
  @IsOptional()
  @IsISO8601({ strict: true, strictSeparator: true })
  created_before?: string;

  /** 100 when absent. */
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(200)
  limit?: number;

  /** Newest events that are left out. */
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(0)
  @Max(100_000)
  offset?: number;
}
