import { ApiProperty } from '@nestjs/swagger';
import { IsISO8601, Matches } from 'class-validator';
import type { JsonObject } from '../../common/json.js';
import { PageQuery } from '../../http/page.query.js';
import {
  MISSED_POLICIES,
  type MissedPolicy,
  OVERLAP_POLICIES,
  type OverlapPolicy,
} from '../definition/definition.js';
import { OUTCOMES, type TickOutcome } from './decide-ticks.js';
import {
  DECISION_KINDS,
  type DecisionKind,
  type ScheduleDecisionEntity,
} from './schedule-decision.entity.js';
import type { ScheduleEntity } from './schedule.entity.js';

const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/i;
const RULE = '$property must be an RFC 3339 time with a zone, e.g. 2026-01-31T12:00:00Z';

/** The range of a backfill, both ends included; at most 100 ticks. */
export class BackfillDto {
  /** @example "2026-11-20T00:00:00Z" */
  @IsISO8601({ strict: true, strictSeparator: true })
  @Matches(RFC3339, { message: RULE })
  from: string;

  /** @example "2026-11-22T00:00:00Z" */
  @IsISO8601({ strict: true, strictSeparator: true })
  @Matches(RFC3339, { message: RULE })
  to: string;
}

export class ListDecisionsQuery extends PageQuery {}

/** When a workflow starts by itself. */
export class ScheduleViewDto {
  /** @example "nightly_checks.weekdays" */
  name: string;

  workflow: string;

  cron: string;

  time_zone: string;

  @ApiProperty({ type: 'object', additionalProperties: true })
  inputs: JsonObject;

  @ApiProperty({ enum: MISSED_POLICIES, enumName: 'MissedPolicy' })
  missed: MissedPolicy;

  missed_max: number;

  @ApiProperty({ enum: OVERLAP_POLICIES, enumName: 'OverlapPolicy' })
  overlap: OverlapPolicy;

  /** null while its workflow is not active. */
  @ApiProperty({ type: 'string', format: 'date-time', nullable: true })
  next_fire_at: string | null;

  /** Every tick up to this time has its decision. */
  @ApiProperty({ format: 'date-time' })
  decided_until: string;
}

export class ScheduleListDto {
  /** By name. */
  items: ScheduleViewDto[];
}

/** What became of one tick, and why. */
export class DecisionDto {
  /** The tick. */
  @ApiProperty({ format: 'date-time' })
  fire_at: string;

  @ApiProperty({ enum: DECISION_KINDS, enumName: 'ScheduleDecisionKind' })
  kind: DecisionKind;

  @ApiProperty({ enum: OUTCOMES, enumName: 'ScheduleOutcome' })
  outcome: TickOutcome;

  reason: string;

  @ApiProperty({ type: 'string', format: 'uuid', nullable: true })
  run_id: string | null;

  /** Who asked for a backfill. */
  decided_by: string | null;

  @ApiProperty({ type: 'string', format: 'date-time', nullable: true })
  decided_at: string | null;
}

export class DecisionPageDto {
  /** Newest tick first. */
  items: DecisionDto[];

  /** Give it as `cursor` to get the next page; null on the last. */
  next_cursor: string | null;
}

export class BackfillAnswerDto {
  /** One for each tick in the range, oldest first. */
  items: DecisionDto[];
}

export function toScheduleDto(schedule: ScheduleEntity): ScheduleViewDto {
  return {
    name: schedule.name,
    workflow: schedule.workflowName,
    cron: schedule.cron,
    time_zone: schedule.timeZone,
    inputs: schedule.inputs,
    missed: schedule.missed,
    missed_max: schedule.missedMax,
    overlap: schedule.overlap,
    next_fire_at: schedule.nextFireAt?.toISOString() ?? null,
    decided_until: schedule.decidedUntil.toISOString(),
  };
}

type Decided = Pick<
  ScheduleDecisionEntity,
  'fireAt' | 'kind' | 'outcome' | 'reason' | 'runId' | 'decidedBy'
> &
  Partial<Pick<ScheduleDecisionEntity, 'decidedAt'>>;

export function toDecisionDto(decision: Decided): DecisionDto {
  return {
    fire_at: decision.fireAt.toISOString(),
    kind: decision.kind,
    outcome: decision.outcome,
    reason: decision.reason,
    run_id: decision.runId,
    decided_by: decision.decidedBy,
    decided_at: decision.decidedAt?.toISOString() ?? null,
  };
}
