import { ApiProperty } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsInt, IsObject, Max, Min, ValidateNested } from 'class-validator';
import type { JsonValue } from '../../common/json.js';
import { IsGiven, IsJsonPointer, IsWorkspacePath, Optional } from './payload-rules.js';

export class JsonEqualsPayload {
  /**
   * A JSON file of the workspace, at most 16 MiB.
   * @example "package.json"
   */
  @IsWorkspacePath()
  file: string;

  /**
   * JSON pointer (RFC 6901) to the value; empty for the whole document.
   * @example "/version"
   */
  @IsJsonPointer()
  pointer: string;

  /** The value that must stand there: any JSON. */
  @ApiProperty({
    description: 'The value that must stand there: any JSON.',
    example: '1.2.0',
    title: 'AnyJson',
    nullable: true,
    type: Object,
  })
  @IsGiven()
  value: JsonValue;
}

export const CHECK_KEYS = ['exit_code', 'file_exists', 'json_equals', 'changed_only_under'] as const;

/** What must hold for success: exactly one of the properties. Paths are relative to the top of the workspace. */
export class CheckPayload {
  /**
   * The exit code. Without such a check 0 is required.
   * @example 0
   */
  @Optional()
  @IsInt()
  @Min(0)
  @Max(255)
  exit_code?: number;

  /**
   * A file that must exist.
   * @example "dist/app.js"
   */
  @Optional()
  @IsWorkspacePath()
  file_exists?: string;

  /** A value that must stand in a JSON file. */
  @Optional()
  @IsObject()
  @ValidateNested()
  @Type(() => JsonEqualsPayload)
  json_equals?: JsonEqualsPayload;

  /**
   * Nothing but files under this path may differ from the commit; needs `target.repository`. Files that .gitignore names
   * do not count.
   * @example "src/"
   */
  @Optional()
  @IsWorkspacePath()
  changed_only_under?: string;
}
