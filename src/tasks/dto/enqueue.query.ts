import { ApiProperty } from '@nestjs/swagger';
import { IsIn, IsOptional } from 'class-validator';
import type { JsonObject } from '../../common/json.js';

export class EnqueueQuery {
  /** Run every check and store nothing: the answer says what would happen, and why. */
  @IsOptional()
  @IsIn(['true', 'false'])
  dry_run?: 'true' | 'false';
}

/** What an enqueue would do. */
export class DryRunDto {
  /** `enqueue`: a task would be stored. `replay`: the idempotency key stands for an equal request. `deny`: policy refuses. */
  @ApiProperty({ enum: ['enqueue', 'replay', 'deny'], enumName: 'DryRunOutcome' })
  outcome: 'enqueue' | 'replay' | 'deny';

  /** Status that the request would get without dry_run. */
  status_code: number;

  /** The request with every default filled in, as it would be stored. */
  @ApiProperty({ type: 'object', additionalProperties: true })
  request: JsonObject;

  /** The verdict of policy, every rule. */
  @ApiProperty({ type: 'object', additionalProperties: true })
  policy: JsonObject;

  /** The task that the idempotency key stands for. */
  @ApiProperty({ type: 'string', format: 'uuid', nullable: true })
  existing_task_id: string | null;
}
