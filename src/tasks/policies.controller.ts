import { Body, Controller, Get, HttpCode, Post, Req } from '@nestjs/common';
import { ApiOperation, ApiProperty, ApiTags } from '@nestjs/swagger';
import type { Request } from 'express';
import type { JsonObject } from '../common/json.js';
import { PoliciesService } from '../policies/policies.service.js';
import { EnqueueTaskDto } from './dto/enqueue-task.dto.js';
import { TaskIntake } from './task-intake.js';
import { TasksService } from './tasks.service.js';

class PolicyRuleDto {
  rule: string;
  code: string;
  description: string;
}

class PolicyDto {
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

class RuleResultDto {
  rule: string;
  code: string;
  @ApiProperty({ enum: ['passed', 'violated', 'not_applicable'], enumName: 'RuleOutcome' })
  outcome: 'passed' | 'violated' | 'not_applicable';
  message: string;
  field: string;
  /** What the request says. */
  @ApiProperty({ nullable: true, type: 'object', additionalProperties: true })
  value: unknown;
  /** What the policy allows. */
  @ApiProperty({ nullable: true, type: 'object', additionalProperties: true })
  allowed: unknown;
}

class VerdictDto {
  @ApiProperty({ enum: ['allow', 'deny'], enumName: 'PolicyDecision' })
  decision: 'allow' | 'deny';
  version: string;
  /** Every rule, also those that passed or had nothing to say. */
  rules: RuleResultDto[];
}

@ApiTags('policies')
@Controller('policies')
export class PoliciesController {
  constructor(
    private readonly policies: PoliciesService,
    private readonly intake: TaskIntake,
    private readonly tasks: TasksService,
  ) {}

  /** Show the policy in force. */
  @Get()
  @ApiOperation({ operationId: 'getPolicy' })
  describe(): PolicyDto {
    const description = this.policies.describe();
    return { ...description, document: { ...description.document } };
  }

  /** Ask policy about a task without handing it in. */
  @Post('evaluate')
  @HttpCode(200)
  @ApiOperation({ operationId: 'evaluatePolicy' })
  evaluate(@Body() body: EnqueueTaskDto, @Req() request: Request): VerdictDto {
    return this.tasks.judge(this.intake.normalise(body), {
      actor: request.actor,
      requestId: request.requestId,
    });
  }
}
