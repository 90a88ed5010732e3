import { Controller, Get, Res } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { VERSION } from '../common/version.js';
import { Readiness } from './readiness.js';
import { HealthDto, ReadinessDto, StatusDto, VersionDto } from './status.dto.js';
import { StatusService } from './status.service.js';

@ApiTags('system')
@Controller()
export class HealthController {
  constructor(
    private readonly readiness: Readiness,
    private readonly statusService: StatusService,
  ) {}

  /** Whether the process lives. */
  @Get('health')
  @ApiOperation({ operationId: 'getHealth' })
  health(): HealthDto {
    return { status: 'ok' };
  }

  /** Whether the process lives. */
  @Get('healthz')
  @ApiOperation({ operationId: 'getHealthz' })
  healthz(): HealthDto {
    return { status: 'ok' };
  }

  /** Whether the process can serve: database, migrations, disk, worker. */
  @Get('readyz')
  @ApiOperation({ operationId: 'getReadyz' })
  @ApiResponse({
    status: 503,
    type: ReadinessDto,
    description: 'Something that the tower needs cannot be used.',
  })
  async readyz(@Res({ passthrough: true }) response: Response): Promise<ReadinessDto> {
    const readiness = await this.readiness.check();
    if (readiness.status === 'not_ready') response.status(503);
    return readiness;
  }

  /** Show the version. */
  @Get('version')
  @ApiOperation({ operationId: 'getVersion' })
  version(): VersionDto {
    return { version: VERSION };
  }

  /** Show what runs, where, and how it is protected. */
  @Get('status')
  @ApiOperation({ operationId: 'getStatus' })
  status(): Promise<StatusDto> {
    return this.statusService.status();
  }
}
