import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { EventDeliveryEntity } from './event-delivery.entity.js';
import { EventLog } from './event-log.js';
import { EventSubscribers } from './event-subscribers.js';
import { EventEntity } from './event.entity.js';

@Module({
  imports: [TypeOrmModule.forFeature([EventEntity, EventDeliveryEntity])],
  providers: [EventLog, EventSubscribers],
  exports: [EventLog, EventSubscribers],
})
export class EventsModule {}
