import { OmitType } from '@nestjs/swagger';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsBoolean,
  IsByteLength,
  IsIn,
  IsInt,
  IsString,
  Max,
  Min,
  ValidateBy,
  ValidateIf,
} from 'class-validator';
import { CommandPayload } from '../execution/command/command.payload.js';
import { EitherThisOr, Optional, StartsWithProgram } from '../execution/command/payload-rules.js';
import { RETAINED, type Retained } from './retention.service.js';

const OF_COMMANDS = ['script', 'command', 'env', 'artifacts', 'reports', 'checks', 'secrets'];

/** Nothing of a command stands beside `what`: it would be accepted and ignored. */
function WithoutCommand(): PropertyDecorator {
  const others = (object: object | undefined): string[] =>
    OF_COMMANDS.filter((name) => (object as Record<string, unknown> | undefined)?.[name] !== undefined);
  return ValidateBy({
    name: 'withoutCommand',
    validator: {
      validate: (_, args) => others(args?.object).length === 0,
      defaultMessage: (args) =>
        `what cleans the tower's own data; with it, leave out ${others(args?.object).join(', ')}`,
    },
  });
}

/** Only beside `what`. */
function WithWhat(): PropertyDecorator {
  return ValidateBy({
    name: 'withWhat',
    validator: {
      validate: (_, args) => (args?.object as CleanupPayload).what !== undefined,
      defaultMessage: (args) => `${args?.property} goes with what`,
    },
  });
}

/** Either a command of your own (see CommandPayload), or `what` of the tower's own data is cleaned. */
export class CleanupPayload extends OmitType(CommandPayload, ['script', 'command'] as const) {
  /** A shell script, run with `bash -euo pipefail`. Exactly one of `script`, `command` and `what`. */
  @ValidateIf(
    ({ script, command, what }: CleanupPayload) => script !== undefined || (command ?? what) === undefined,
  )
  @EitherThisOr('command')
  @IsString()
  @IsByteLength(1, 65_536)
  script?: string;

  /** A program and its arguments. Exactly one of `script`, `command` and `what`. */
  @Optional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(256)
  @IsString({ each: true })
  @StartsWithProgram()
  command?: string[];

  /** What of the tower's own data is removed: traces of ended tasks, unused workspaces and mirrors, ended tasks, or ended events. */
  @Optional()
  @IsIn(RETAINED)
  @WithoutCommand()
  what?: Retained;

  /** Age in days since the end; JCT_RETENTION_DAYS when absent. */
  @Optional()
  @IsInt()
  @Min(0)
  @Max(36_500)
  @WithWhat()
  older_than_days?: number;

  /** Count what would be removed, and remove nothing. */
  @Optional()
  @IsBoolean()
  @WithWhat()
  dry_run?: boolean;
}
