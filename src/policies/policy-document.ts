import { createHash } from 'node:crypto';
import { applyDecorators } from '@nestjs/common';
import canonicalize from 'canonicalize';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  Equals,
  IsArray,
  IsBoolean,
  IsInt,
  IsObject,
  IsString,
  Length,
  Matches,
  Max,
  Min,
  ValidateNested,
} from 'class-validator';

const GLOBS_MAX = 1_000;
const GLOB_CHARS_MAX = 500;

/** The bounds of the API itself: a policy narrows them, it cannot widen them. */
export const TIMEOUT_SECONDS_MAX = 86_400;
export const PAYLOAD_BYTES_MAX = 262_144;

/** A list of globs; an empty list matches nothing. */
function Globs(): PropertyDecorator {
  return applyDecorators(
    IsArray(),
    ArrayMaxSize(GLOBS_MAX),
    IsString({ each: true }),
    Length(1, GLOB_CHARS_MAX, { each: true }),
    Matches(/^(?!!)/, {
      each: true,
      message: 'each glob says what is allowed; exclusions with ! are not supported',
    }),
  );
}

export class TimeoutBounds {
  @IsInt() @Min(1) @Max(TIMEOUT_SECONDS_MAX) min = 1;
  @IsInt() @Min(1) @Max(TIMEOUT_SECONDS_MAX) max = TIMEOUT_SECONDS_MAX;
}

export class CallbackBounds {
  @Globs() hosts: string[] = ['*'];
}

/** What is off unless given: to tasks that match all three lists. Left out, a privilege is not given. */
export class Grant {
  @IsBoolean() network = false;
  @IsBoolean() sandbox_none = false;
  @Globs() types: string[];
  /** `*` also stands for a task without a repository; likewise for `environments`. */
  @Globs() repositories: string[];
  @Globs() environments: string[];
}

/** What agents may hand in: nothing unless given. Everything else that policy says holds for them as for everybody. */
export class AgentGrant {
  /** Of agents, without `agent:`. */
  @Globs() names: string[];
  @Globs() types: string[];
}

/**
 * The policy as it is written in JCT_POLICY_FILE. Types, repositories and environments must be spelled out: what a file
 * forgets is refused, not assumed.
 *
 * @example
 * ```yaml
 * version: 1
 * types: [build, test, scan] # or ['*']
 * timeout_seconds: { min: 1, max: 3600 }
 * repositories: ['https://github.com/acme/**']
 * environments: [dev, staging] # or ['*']
 * payload_bytes_max: 262144
 * callbacks: { hosts: ['*.acme.example'] }
 * grants:
 *   - { network: true, types: [build], repositories: ['https://github.com/acme/**'], environments: ['*'] }
 * agents:
 *   - { names: [build-doctor], types: [test, scan] }
 * ```
 */
export class PolicyDocument {
  /** Of the file format. */
  @Equals(1) version: 1;
  @Globs() types: string[];
  @IsObject() @ValidateNested() @Type(() => TimeoutBounds) timeout_seconds = new TimeoutBounds();
  /** Against the form that the trace shows: a URL, `git@host:path`, or the absolute path of a local repository. */
  @Globs() repositories: string[];
  @Globs() environments: string[];
  @IsInt() @Min(2) @Max(PAYLOAD_BYTES_MAX) payload_bytes_max = PAYLOAD_BYTES_MAX;
  @IsObject() @ValidateNested() @Type(() => CallbackBounds) callbacks = new CallbackBounds();
  @IsArray() @ArrayMaxSize(GLOBS_MAX) @ValidateNested({ each: true }) @Type(() => Grant) grants: Grant[] = [];
  @IsArray()
  @ArrayMaxSize(GLOBS_MAX)
  @ValidateNested({ each: true })
  @Type(() => AgentGrant)
  agents: AgentGrant[] = [];
}

/** 16 hex digits that name the content of a policy: order of keys, comments and spelled-out defaults do not count. */
export function policyVersion(policy: PolicyDocument): string {
  return createHash('sha256').update(canonicalize(policy)!).digest('hex').slice(0, 16);
}
