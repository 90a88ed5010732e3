import { ApiProperty } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsByteLength,
  IsIn,
  IsObject,
  IsString,
  Matches,
  ValidateIf,
  ValidateNested,
} from 'class-validator';
import { CHECK_KEYS, CheckPayload } from './check.payload.js';
import {
  EachHasOneKey,
  EitherThisOr,
  IsEnvironment,
  IsGlobList,
  Optional,
  StartsWithProgram,
} from './payload-rules.js';

const NO_NUL = /^[^\0]*$/;

export class ReportsPayload {
  /**
   * Globs of JUnit XML reports; tests, failures, errors, skipped, time and the names of failing tests go into the result.
   * @example ["reports/junit/*.xml"]
   */
  @Optional()
  @ArrayMaxSize(20)
  @IsGlobList()
  junit?: string[];

  /**
   * Globs of SARIF 2.1.0 reports; findings by level and their places go into the result.
   * @example ["reports/*.sarif"]
   */
  @Optional()
  @ArrayMaxSize(20)
  @IsGlobList()
  sarif?: string[];
}

/**
 * A command in a workspace of its own. Paths and globs are relative to the top of the workspace, wherever `target.path`
 * lets the command start; globs know `*`, `?`, `**` and `{a,b}`, and a folder means everything in it.
 */
export class CommandPayload {
  /**
   * A shell script, run with `bash -euo pipefail`; at most 64 KiB. Exactly one of `script` and `command`.
   * @example "npm ci\nnpm test"
   */
  @ValidateIf((payload: CommandPayload) => payload.script !== undefined || payload.command === undefined)
  @EitherThisOr('command')
  @IsString()
  @IsByteLength(1, 65_536)
  @Matches(NO_NUL, { message: 'script must not hold NUL' })
  script?: string;

  /**
   * A program and its arguments; no shell reads them. Exactly one of `script` and `command`.
   * @example ["make", "test"]
   */
  @Optional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(256)
  @IsString({ each: true })
  @IsByteLength(0, 65_536, { each: true })
  @Matches(NO_NUL, { each: true, message: 'command must not hold NUL' })
  @StartsWithProgram()
  command?: string[];

  /**
   * Environment variables, at most 100; values at most 32 KiB. Names must not start with `JCT_`.
   * @example { "NODE_ENV": "test" }
   */
  @ApiProperty({ type: 'object', additionalProperties: { type: 'string' } })
  @Optional()
  @IsEnvironment()
  env?: Record<string, string>;

  /**
   * Globs of the files that are kept in the trace, whatever the exit code: regular files, at most 1,000 and 1 GiB in all.
   * What the command puts into `$JCT_ARTIFACTS_DIR` is kept without being named here.
   * @example ["dist/**"]
   */
  @Optional()
  @ArrayMaxSize(50)
  @IsGlobList()
  artifacts?: string[];

  /** Reports that the command writes. */
  @Optional()
  @IsObject()
  @ValidateNested()
  @Type(() => ReportsPayload)
  reports?: ReportsPayload;

  /**
   * What must hold for success, at most 50.
   * @example [{ "exit_code": 0 }, { "file_exists": "dist/app.js" }]
   */
  @Optional()
  @IsArray()
  @ArrayMaxSize(50)
  @EachHasOneKey(CHECK_KEYS)
  @ValidateNested({ each: true })
  @Type(() => CheckPayload)
  checks?: CheckPayload[];

  /** Names of secrets. This installation has no secret store, so the list must be empty. */
  @Optional()
  @IsArray()
  @ArrayMaxSize(0, { message: 'secrets must be empty: this installation has no secret store' })
  secrets?: string[];
}

export type FailOn = 'error' | 'warning' | 'never';

export class ScanPayload extends CommandPayload {
  /**
   * The least severe finding in `reports.sarif` that fails the scan. Unless `never`, a missing or broken report fails it, too.
   * @example "warning"
   */
  @Optional()
  @IsIn(['error', 'warning', 'never'])
  fail_on?: FailOn = 'error';
}
