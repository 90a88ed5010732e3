import { ApiHideProperty } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsBoolean,
  IsDefined,
  IsIn,
  IsInt,
  IsISO8601,
  IsObject,
  IsOptional,
  IsString,
  Length,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import type { JsonObject } from '../../common/json.js';
import { IsHttpUrl } from './is-http-url.js';
import { IsRef, IsRelativePath, IsRepository } from './is-target.js';
import { JsonBytesMax } from '../../http/json-bytes-max.js';

const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/i;

/** What the task works on. */
export class TargetDto {
  /**
   * https, ssh or git@host: URL, `owner/name` on GitHub, or a local path where policy allows it.
   * @example "https://github.com/acme/widgets"
   */
  @IsOptional()
  @IsString()
  @MaxLength(2048)
  @IsRepository()
  repository?: string;

  /**
   * Branch, tag or full commit id; the default branch when absent.
   * @example "main"
   */
  @IsOptional()
  @IsString()
  @Length(1, 255)
  @IsRef()
  ref?: string;

  /**
   * Environment that is worked on; policy decides which are allowed.
   * @example "staging"
   */
  @IsOptional()
  @IsString()
  @Length(1, 128)
  @Matches(/^[A-Za-z0-9][A-Za-z0-9._/-]*$/, {
    message: 'environment must be a name of letters, digits, ".", "_", "-", "/"',
  })
  environment?: string;

  /**
   * Folder inside the repository in which the command runs: relative, without `..`.
   * @example "services/api"
   */
  @IsOptional()
  @IsString()
  @Length(1, 1024)
  @IsRelativePath()
  path?: string;
}

/** How the command is confined. */
export class SandboxDto {
  /** `required`: fail where the sandbox cannot be used. `preferred`: use it where it can. `none`: only where policy grants it. */
  @IsOptional()
  @IsIn(['required', 'preferred', 'none'])
  mode?: 'required' | 'preferred' | 'none';

  /** Whether the command may use the network; only where policy grants it. */
  @IsOptional()
  @IsBoolean()
  network?: boolean;

  /** Memory of all processes together, in MiB. */
  @IsOptional()
  @IsInt()
  @Min(16)
  @Max(1_048_576)
  memory_mb?: number;

  /** Processes and threads at once. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(100_000)
  processes?: number;

  /** Size of one written file, in MiB. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(1_048_576)
  file_mb?: number;
}

/** When and how the task runs. */
export class TaskOptionsDto {
  /** Seconds that one run may take; then it is stopped and has failed. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(86_400)
  timeout_seconds?: number;

  /** How often a failed run is tried again. */
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(25)
  retries?: number;

  /** Seconds before the first retry; doubles each time, at most 15 minutes, half of it random. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(3_600)
  retry_delay_seconds?: number;

  /** Not before this time (RFC 3339). */
  @IsOptional()
  @IsISO8601({ strict: true, strictSeparator: true })
  @Matches(RFC3339, { message: 'run_at must be an RFC 3339 time with a zone, e.g. 2026-01-31T12:00:00Z' })
  run_at?: string;

  /** Give up if not started by this time (RFC 3339). */
  @IsOptional()
  @IsISO8601({ strict: true, strictSeparator: true })
  @Matches(RFC3339, { message: 'expires_at must be an RFC 3339 time with a zone, e.g. 2026-01-31T12:00:00Z' })
  expires_at?: string;

  /** Only workers that serve this queue take the task. */
  @IsOptional()
  @Matches(/^[A-Za-z0-9._-]{1,64}$/, { message: 'queue must be 1-64 letters, digits, ".", "_" or "-"' })
  queue?: string;

  /** Of all tasks with the same key one runs at a time; the others wait their turn. */
  @IsOptional()
  @Matches(/^[\x20-\x7e]{1,128}$/, { message: 'concurrency_key must be 1-128 printable ASCII characters' })
  concurrency_key?: string;

  @IsOptional()
  @IsObject()
  @ValidateNested()
  @Type(() => SandboxDto)
  sandbox?: SandboxDto;
}

/** A task as it is handed in. */
export class EnqueueTaskDto {
  /**
   * The type of task: one that has an executor on this installation.
   * @example "test"
   */
  @IsString()
  @Length(1, 64)
  type: string;

  /** What the type needs; validated against the schema of the type. */
  @IsDefined()
  @IsObject()
  @ApiHideProperty()
  payload: JsonObject;

  /** Served first: critical, then high, medium, low; then the oldest. */
  @IsOptional()
  @IsIn(['low', 'medium', 'high', 'critical'])
  priority?: 'low' | 'medium' | 'high' | 'critical';

  /**
   * Who or what hands in the task.
   * @example "github-actions"
   */
  @IsOptional()
  @IsString()
  @Length(1, 64)
  source?: string;

  @IsOptional()
  @IsObject()
  @ValidateNested()
  @Type(() => TargetDto)
  target?: TargetDto;

  @IsOptional()
  @IsObject()
  @ValidateNested()
  @Type(() => TaskOptionsDto)
  options?: TaskOptionsDto;

  /** Any data of the caller; at most 32 KiB. */
  @IsOptional()
  @IsObject()
  @JsonBytesMax(32_768)
  metadata?: JsonObject;

  /** @example ["ci"] */
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(32)
  @IsString({ each: true })
  @Length(1, 64, { each: true })
  tags?: string[];

  /** The same key with the same request gives the same task; the header Idempotency-Key means the same. */
  @IsOptional()
  @Matches(/^[\x20-\x7e]{1,128}$/, { message: 'idempotency_key must be 1-128 printable ASCII characters' })
  idempotency_key?: string;

  /**
   * Called when the task has ended.
   * @example "https://ci.acme.example/hooks/tower"
   */
  @IsOptional()
  @IsString()
  @MaxLength(2000)
  @IsHttpUrl()
  callback_url?: string;
}
