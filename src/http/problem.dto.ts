import { ApiProperty } from '@nestjs/swagger';

export class ViolationDto {
  /** RFC 6901 pointer into the body; the name of a header or a query parameter otherwise. */
  pointer: string;
  code: string;
  message: string;
}

export class PolicyViolationDto {
  rule: string;
  code: string;
  message: string;
  field: string;
  /** What the request says. */
  @ApiProperty({
    title: 'AnyJson',
    nullable: true,
    type: 'object',
    additionalProperties: true,
    description: 'What the request says.',
  })
  value: unknown;
  @ApiProperty({
    title: 'AnyJson',
    nullable: true,
    type: 'object',
    additionalProperties: true,
    description: 'What the policy allows.',
  })
  allowed: unknown;
}

/** RFC 9457 problem document: the form of every error. */
export class ProblemDto {
  /** @example "/docs/errors.md#validation_failed" */
  type: string;
  /** @example "Unprocessable Content" */
  title: string;
  /** @example 422 */
  status: number;
  detail: string;
  /** Path of the request. */
  instance: string;
  /** Stable; docs/errors.md explains each. @example "VALIDATION_FAILED" */
  code: string;
  request_id: string;
  /** Every violation of the schema. */
  errors?: ViolationDto[];
  /** Every violated rule, with POLICY_DENIED. */
  violations?: PolicyViolationDto[];
  /** Status of the task, with ILLEGAL_STATE. */
  current_state?: string;
}
