import { Module } from '@nestjs/common';
import { EventsModule } from '../events/events.module.js';
import { GithubWebhook } from './github-webhook.js';
import { SignedWebhook } from './signed-webhook.js';
import { WebhooksController } from './webhooks.controller.js';

@Module({
  imports: [EventsModule],
  controllers: [WebhooksController],
  providers: [GithubWebhook, SignedWebhook],
})
export class WebhooksModule {}
