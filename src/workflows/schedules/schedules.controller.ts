import { Body, Controller, Get, HttpCode, Param, Post, Query, Req } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Request } from 'express';
import { pageOf, placeOf } from '../../http/page.js';
import { Backfill } from './backfill.js';
import { ScheduleStore } from './schedule-store.js';
import {
  BackfillAnswerDto,
  BackfillDto,
  DecisionPageDto,
  ListDecisionsQuery,
  ScheduleListDto,
  ScheduleViewDto,
  toDecisionDto,
  toScheduleDto,
} from './schedule.dto.js';

@ApiTags('workflows')
@Controller('schedules')
export class SchedulesController {
  constructor(
    private readonly store: ScheduleStore,
    private readonly backfill: Backfill,
  ) {}

  /** List schedules by name. */
  @Get()
  @ApiOperation({ operationId: 'listSchedules' })
  async list(): Promise<ScheduleListDto> {
    return { items: (await this.store.list()).map(toScheduleDto) };
  }

  /** Get a schedule; its name is that of the workflow, a dot, and its own. */
  @Get(':schedule')
  @ApiOperation({ operationId: 'getSchedule' })
  async get(@Param('schedule') name: string): Promise<ScheduleViewDto> {
    return toScheduleDto(await this.store.get(name));
  }

  /** List what became of the ticks of a schedule, those that started nothing included, the newest first. */
  @Get(':schedule/decisions')
  @ApiOperation({ operationId: 'listScheduleDecisions' })
  async decisions(
    @Param('schedule') name: string,
    @Query() query: ListDecisionsQuery,
  ): Promise<DecisionPageDto> {
    const { id } = await this.store.get(name);
    const limit = query.limit ?? 50;
    const place = query.cursor === undefined ? null : placeOf(query.cursor);
    const before = place && { fireAt: place.at, id: place.id };
    const found = await this.store.decisions(id, before, limit + 1);
    const { items, nextCursor } = pageOf(found, limit, ({ fireAt, id: last }) => ({ at: fireAt, id: last }));
    return { items: items.map(toDecisionDto), next_cursor: nextCursor };
  }

  /** Run a schedule for ticks that have passed, at most 100. A tick that has started a run starts no other one. */
  @Post(':schedule/backfill')
  @HttpCode(200)
  @ApiOperation({ operationId: 'backfillSchedule' })
  async run(
    @Param('schedule') name: string,
    @Body() { from, to }: BackfillDto,
    @Req() request: Request,
  ): Promise<BackfillAnswerDto> {
    const schedule = await this.store.get(name);
    const decisions = await this.backfill.run(schedule, new Date(from), new Date(to), request.actor);
    return { items: decisions.map(toDecisionDto) };
  }
}
