import { ApiProperty } from '@nestjs/swagger';
import type { JsonObject } from '../../common/json.js';
import { CATEGORIES, type Diagnosis, FOLLOW_UP_TYPES, type FollowUp } from './diagnosis.js';

export class EvidenceDto {
  line: string;
  /** false for a line that is not in the log: the model made it up. */
  in_log: boolean;
}

export class ProposedTaskDto {
  @ApiProperty({ enum: FOLLOW_UP_TYPES, enumName: 'FollowUpType' })
  type: (typeof FOLLOW_UP_TYPES)[number];
  script: string;
  reason: string;
}

/** A task that the agent proposed, and what the gate said. */
export class FollowUpDto implements FollowUp {
  @ApiProperty({ type: ProposedTaskDto })
  proposed: ProposedTaskDto;

  @ApiProperty({ enum: ['accepted', 'refused', 'not_handed_in'], enumName: 'FollowUpOutcome' })
  outcome: FollowUp['outcome'];

  @ApiProperty({ type: 'string', format: 'uuid', nullable: true })
  task_id: string | null;

  @ApiProperty({ type: 'string', nullable: true, example: 'POLICY_DENIED' })
  code: string | null;

  @ApiProperty({ type: 'string', nullable: true })
  message: string | null;

  /** As in the problem document of a refusal. */
  @ApiProperty({ type: 'array', items: { type: 'object', additionalProperties: true } })
  violations: JsonObject[];
}

export class DiagnosisCostDto {
  model: string;
  @ApiProperty({ type: 'integer' })
  input_tokens: number;
  @ApiProperty({ type: 'integer' })
  output_tokens: number;
  cost_usd: number;
}

/** Why a run failed, as a language model sees it: a guess, not a fact. */
export class DiagnosisDto implements Diagnosis {
  @ApiProperty({ type: 'integer', enum: [1] })
  version: 1;
  @ApiProperty({ format: 'uuid' })
  task_id: string;
  @ApiProperty({ type: 'integer' })
  run: number;
  task_type: string;
  trace_path: string;
  /** Of the event that the agent reacted to. */
  @ApiProperty({ format: 'uuid' })
  event_id: string;
  agent: string;
  @ApiProperty({ format: 'date-time' })
  diagnosed_at: string;
  @ApiProperty({ enum: CATEGORIES, enumName: 'DiagnosisCategory' })
  category: Diagnosis['category'];
  summary: string;
  cause: string;
  @ApiProperty({ type: [EvidenceDto] })
  evidence: EvidenceDto[];
  suggestions: string[];
  @ApiProperty({ enum: ['low', 'medium', 'high'], enumName: 'DiagnosisConfidence' })
  confidence: Diagnosis['confidence'];
  /** null when none was proposed. */
  @ApiProperty({ type: FollowUpDto, nullable: true })
  follow_up: FollowUpDto | null;
  /** How much of the end of the log the model was shown. */
  @ApiProperty({ type: 'integer' })
  log_bytes_read: number;
  @ApiProperty({ type: 'integer' })
  log_bytes: number;
  @ApiProperty({ type: DiagnosisCostDto })
  cost: DiagnosisCostDto;
}
