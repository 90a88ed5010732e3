import { Body, Controller, Get, HttpCode, Post, Req } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Request } from 'express';
import type { JsonObject } from '../common/json.js';
import { PoliciesService } from '../policies/policies.service.js';
import { EnqueueTaskDto } from './dto/enqueue-task.dto.js';
import { PolicyDto, VerdictDto } from './dto/policy.dto.js';
import { TaskIntake } from './task-intake.js';
import { TasksService } from './tasks.service.js';

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
  @ApiBody({ type: EnqueueTaskDto })
  evaluate(@Body() sent: JsonObject | undefined, @Req() request: Request): VerdictDto {
    return this.tasks.judge(this.intake.normalise(this.intake.check(sent ?? {})), {
      actor: request.actor,
      requestId: request.requestId,
    });
  }
}
