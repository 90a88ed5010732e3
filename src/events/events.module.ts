import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DeliveryQueue } from './delivery-queue.js';
import { DeliverySlots } from './delivery-slots.js';
import { EventDeliveryEntity } from './event-delivery.entity.js';
import { EventDispatch } from './event-dispatch.js';
import { EventLog } from './event-log.js';
import { EventStats } from './event-stats.js';
import { EventSubscribers } from './event-subscribers.js';
import { EventsService } from './events.service.js';
import { EventEntity } from './event.entity.js';

@Module({
  imports: [TypeOrmModule.forFeature([EventEntity, EventDeliveryEntity])],
  providers: [
    EventLog,
    EventSubscribers,
    EventsService,
    EventDispatch,
    DeliveryQueue,
    DeliverySlots,
    EventStats,
  ],
  exports: [EventLog, EventSubscribers, EventsService, EventStats],
})
export class EventsModule {}
