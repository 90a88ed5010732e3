import { ApiProperty } from '@nestjs/swagger';
import type { JsonObject } from '../../common/json.js';

export class PolicyRuleDto {
  rule: string;
  code: string;
  description: string;
}

export class PolicyDto {
  /** `built-in`, or the path of JCT_POLICY_FILE. */
  source: string;
  version: string;
  @ApiProperty({ format: 'date-time' })
  loaded_at: string;
  /** Why the file as it is now is not in force; null while it is. */
  error: string | null;
  @ApiProperty({ type: 'object', additionalProperties: true })
  document: JsonObject;
  rules: PolicyRuleDto[];
}

export class RuleResultDto {
  rule: string;
  code: string;
  @ApiProperty({ enum: ['passed', 'violated', 'not_applicable'], enumName: 'RuleOutcome' })
  outcome: 'passed' | 'violated' | 'not_applicable';
  message: string;
  field: string;
  /** What the request says. */
  @ApiProperty({ title: 'AnyJson', nullable: true, type: 'object', additionalProperties: true })
  value: unknown;
  /** What the policy allows. */
  @ApiProperty({ title: 'AnyJson', nullable: true, type: 'object', additionalProperties: true })
  allowed: unknown;
}

export class VerdictDto {
  @ApiProperty({ enum: ['allow', 'deny'], enumName: 'PolicyDecision' })
  decision: 'allow' | 'deny';
  version: string;
  /** Every rule, also those that passed or had nothing to say. */
  rules: RuleResultDto[];
}
