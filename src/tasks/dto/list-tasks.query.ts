import { ApiProperty } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsIn,
  IsISO8601,
  IsOptional,
  IsString,
  Length,
  Matches,
} from 'class-validator';
import { PageQuery } from '../../http/page.query.js';
import { PRIORITIES, type Priority, TASK_STATUSES, type TaskStatus } from '../task-status.js';

/** `?status=queued,running` and `?status=queued&status=running` mean the same. */
const List = (): PropertyDecorator =>
  Transform(({ value }: { value: unknown }) => {
    const values: unknown[] = Array.isArray(value) ? value : [value];
    return values.flatMap((each): unknown[] => (typeof each === 'string' ? each.split(',') : [each]));
  });

/** PostgreSQL has no such character, so no text holds it. */
const WithoutNul = (): PropertyDecorator =>
  Matches(/^[^\0]*$/, { message: '$property must not hold the character U+0000' });

/** Filters of the list of tasks; all given ones must hold. */
export class ListTasksQuery extends PageQuery {
  @IsOptional()
  @List()
  @IsArray()
  @IsIn(TASK_STATUSES, { each: true })
  @ApiProperty({ enum: TASK_STATUSES, enumName: 'TaskStatus', isArray: true, required: false })
  status?: TaskStatus[];

  @IsOptional()
  @List()
  @IsArray()
  @ArrayMaxSize(32)
  @Matches(/^[a-z0-9][a-z0-9._-]{0,63}$/, { each: true, message: 'type must be names of task types' })
  type?: string[];

  @IsOptional()
  @List()
  @IsArray()
  @IsIn(PRIORITIES, { each: true })
  @ApiProperty({ enum: PRIORITIES, enumName: 'Priority', isArray: true, required: false })
  priority?: Priority[];

  @IsOptional()
  @IsString()
  @Length(1, 64)
  @WithoutNul()
  source?: string;

  @IsOptional()
  @IsString()
  @Length(1, 64)
  @WithoutNul()
  tag?: string;

  /** Exactly as it was handed in. */
  @IsOptional()
  @IsString()
  @Length(1, 2048)
  @WithoutNul()
  repository?: string;

  @IsOptional()
  @IsString()
  @Length(1, 128)
  @WithoutNul()
  environment?: string;

  /** RFC 3339. */
  @IsOptional()
  @IsISO8601({ strict: true, strictSeparator: true })
  created_after?: string;

  /** RFC 3339. */
  @IsOptional()
  @IsISO8601({ strict: true, strictSeparator: true })
  created_before?: string;

  /** Text anywhere in id, payload, target or error. */
  @IsOptional()
  @IsString()
  @Length(1, 200)
  @WithoutNul()
  q?: string;
}
