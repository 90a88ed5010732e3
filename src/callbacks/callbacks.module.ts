import { Module } from '@nestjs/common';
import { OutboundModule } from '../outbound/outbound.module.js';
import { TasksModule } from '../tasks/tasks.module.js';
import { CallbackDelivery } from './callback-delivery.js';
import { CallbackQueue } from './callback-queue.js';
import { CallbacksController } from './callbacks.controller.js';
import { CallbacksService } from './callbacks.service.js';
import { WebhookSigner } from './webhook-signer.js';

@Module({
  imports: [TasksModule, OutboundModule],
  controllers: [CallbacksController],
  providers: [CallbacksService, CallbackDelivery, CallbackQueue, WebhookSigner],
  exports: [CallbacksService],
})
export class CallbacksModule {}
