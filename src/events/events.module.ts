import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { Consequences } from './consequences.js';
import { DeliveryQueue } from './delivery-queue.js';
import { DeliverySlots } from './delivery-slots.js';
import { EventDeliveryEntity } from './event-delivery.entity.js';
import { EventDispatch } from './event-dispatch.js';
import { EventFollower } from './event-follower.js';
import { EventIntake } from './event-intake.js';
import { EventLog } from './event-log.js';
import { EventQueries } from './event-queries.js';
import { EventStats } from './event-stats.js';
import { EventSubscribers } from './event-subscribers.js';
import { EventTail } from './event-tail.js';
import { EventsController } from './events.controller.js';
import { EventsService } from './events.service.js';
import { EventEntity } from './event.entity.js';
import { OldEvents } from './old-events.js';

@Module({
  imports: [TypeOrmModule.forFeature([EventEntity, EventDeliveryEntity])],
  controllers: [EventsController],
  providers: [
    EventLog,
    EventSubscribers,
    Consequences,
    EventsService,
    EventDispatch,
    DeliveryQueue,
    DeliverySlots,
    EventIntake,
    EventQueries,
    EventTail,
    EventFollower,
    EventStats,
    OldEvents,
  ],
  exports: [EventLog, EventSubscribers, Consequences, EventQueries, EventsService, EventStats, OldEvents],
})
export class EventsModule {}
