import { Body, Controller, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiBody, ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { ConflictError } from '../common/errors.js';
import type { JsonObject } from '../common/json.js';
import { EventStream } from '../http/event-stream.js';
import { DeliveryQueue } from './delivery-queue.js';
import {
  accepted,
  EventAcceptedDto,
  EventDetailDto,
  EventDto,
  TestAlertDto,
  toConsequenceDto,
  toDeliveryDto,
  toEventDto,
} from './dto/event.dto.js';
import { EventStreamQuery, ListEventsQuery } from './dto/list-events.query.js';
import { EventQuery, PostEventDto } from './dto/post-event.dto.js';
import { EventFollower } from './event-follower.js';
import { EventIntake } from './event-intake.js';
import { EventLog } from './event-log.js';
import { EventQueries } from './event-queries.js';
import { EVENT_TYPES } from './event-types.js';

@ApiTags('events')
@Controller()
export class EventsController {
  constructor(
    private readonly intake: EventIntake,
    private readonly log: EventLog,
    private readonly queries: EventQueries,
    private readonly queue: DeliveryQueue,
    private readonly follower: EventFollower,
  ) {}

  /**
   * Record an event, for whomever it interests. `type`, `source` and `data` in the body; or `event_type`, `source` and
   * `priority` in the query and `data` and `tags` in the body; or a CloudEvent 1.0, in binary or structured mode. What a source
   * sends twice under one `dedup_id` (of a CloudEvent: `id`) is stored once.
   */
  @Post('events')
  @HttpCode(200)
  @ApiOperation({ operationId: 'createEvent' })
  @ApiBody({ type: PostEventDto })
  async create(
    @Query() query: EventQuery,
    @Body() body: JsonObject | undefined,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<EventAcceptedDto> {
    const event = this.intake.read(request.headers, query, body);
    const recorded = await this.log.record({ ...event, actor: request.actor });
    if (recorded.replayed) response.set('Idempotency-Replayed', 'true');
    return accepted(recorded.event, recorded.replayed);
  }

  /** List events, newest first. */
  @Get('events')
  @ApiOperation({ operationId: 'listEvents' })
  async list(@Query() query: ListEventsQuery): Promise<EventDto[]> {
    return (await this.queries.list(query)).map(toEventDto);
  }

  /**
   * Follow events live, as server-sent events: each has the name `event`, its id, and the event as JSON. Begins with what
   * comes from now on; with `Last-Event-ID` after that one, none left out.
   */
  @Get('events/stream')
  @ApiOperation({ operationId: 'followEvents' })
  @ApiProduces('text/event-stream')
  @ApiOkResponse({ schema: { type: 'string' } })
  async stream(
    @Query() query: EventStreamQuery,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const lastSeen = request.headers['last-event-id']?.toString() ?? null;
    // Before the reader is told that the stream is open: what it causes from then on is in it.
    const position = await this.follower.begin(lastSeen);
    const stream = new EventStream(response);
    try {
      for await (const event of this.follower.follow(query.event_type ?? '*', position, stream.gone))
        await stream.send('event', event.id, JSON.stringify(toEventDto(event)));
    } finally {
      stream.end();
    }
  }

  /** Get an event, with whom it was told to and what it led to. */
  @Get('events/:event_id')
  @ApiOperation({ operationId: 'getEvent' })
  async get(@Param('event_id') id: string): Promise<EventDetailDto> {
    const event = await this.queries.get(id);
    const [deliveries, caused] = [await this.queries.deliveries(id), await this.queries.caused(id)];
    return {
      ...toEventDto(event),
      deliveries: deliveries.map(toDeliveryDto),
      caused: caused.map(toConsequenceDto),
    };
  }

  /** Deliver an event once more to those who have given up: at once, under the same ids, with all their attempts. */
  @Post('events/:event_id/redeliver')
  @HttpCode(200)
  @ApiOperation({ operationId: 'redeliverEvent' })
  async redeliver(@Param('event_id') id: string): Promise<EventDetailDto> {
    const { status } = await this.queries.get(id);
    if ((await this.queue.redeliver(id)) > 0) return this.get(id);
    throw new ConflictError(
      'ILLEGAL_STATE',
      'No delivery of this event is dead, so there is nothing to deliver once more.',
      { current_state: status },
    );
  }

  /** Record the alert of a test system, to see what reacts to it. */
  @Post('test/infrastructure-alert')
  @HttpCode(200)
  @ApiOperation({ operationId: 'createTestAlert' })
  async testAlert(@Req() request: Request): Promise<TestAlertDto> {
    const { event } = await this.log.record({
      type: EVENT_TYPES.INFRASTRUCTURE_ALERT,
      source: 'test-system',
      priority: 'high',
      data: {
        alert_type: 'high_cpu',
        value: 95.5,
        threshold: 80,
        message: 'CPU usage critically high on test system',
      },
      tags: { environment: 'test', component: 'cpu' },
      actor: request.actor,
    });
    return { status: 'success', event_id: event.id };
  }
}
