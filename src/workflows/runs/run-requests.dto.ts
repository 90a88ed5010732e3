import { ApiProperty } from '@nestjs/swagger';
import { IsIn, IsObject, IsOptional, IsString, Length, Matches } from 'class-validator';
import { PageQuery } from '../../http/page.query.js';
import type { JsonObject } from '../../common/json.js';
import { RUN_STATUSES, type WorkflowRunStatus } from './workflow-run.entity.js';

/** What a run is started with. */
export class StartRunDto {
  /** As the definition declares them; what is left out gets its default. */
  @IsOptional()
  @IsObject()
  inputs?: JsonObject;

  /** The same key with the same request gives the same run; the header Idempotency-Key means the same. */
  @IsOptional()
  @Matches(/^[\x20-\x7e]{1,128}$/, { message: 'idempotency_key must be 1-128 printable ASCII characters' })
  idempotency_key?: string;
}

export class ResumeRunDto {
  /** This step and all that come after it run again, besides those that did not complete. */
  @IsOptional()
  @IsString()
  @Length(1, 63)
  from_step?: string;
}

export class ListRunsQuery extends PageQuery {
  /** Name of the workflow. */
  @IsOptional()
  @Matches(/^[a-z][a-z0-9_.-]{0,99}$/, { message: 'workflow must be the name of one' })
  workflow?: string;

  @IsOptional()
  @IsIn(RUN_STATUSES)
  @ApiProperty({ enum: RUN_STATUSES, enumName: 'WorkflowRunStatus', required: false })
  status?: WorkflowRunStatus;

  /** Runs that this run has started. */
  @IsOptional()
  @Matches(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, {
    message: 'parent_run_id must be the id of a run',
  })
  parent_run_id?: string;
}
