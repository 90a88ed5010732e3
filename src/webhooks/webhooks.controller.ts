import { Body, Controller, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import { ApiBody, ApiHeader, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import type { JsonObject } from '../common/json.js';
import { accepted, EventAcceptedDto } from '../events/dto/event.dto.js';
import { EventLog } from '../events/event-log.js';
import type { NewEvent } from '../events/insert-events.js';
import { GithubWebhook } from './github-webhook.js';
import { SignedWebhook } from './signed-webhook.js';

const SIGNED = ['webhook-id', 'webhook-timestamp', 'webhook-signature'];
const ANY_OBJECT = { type: 'object', additionalProperties: true } as const;

/** Doors that ask for a signature instead of a key. */
@ApiTags('webhooks')
@Controller('webhooks')
export class WebhooksController {
  constructor(
    private readonly github: GithubWebhook,
    private readonly signed: SignedWebhook,
    private readonly log: EventLog,
  ) {}

  /**
   * Take a webhook of GitHub (content type application/json), signed with the secret of JCT_GITHUB_WEBHOOK_SECRET. Pushes, pull requests, reviews, check runs,
   * deployments and alerts become events of this system; all others `github.<event>`. A delivery is stored once.
   */
  @Post('github')
  @HttpCode(200)
  @ApiOperation({ operationId: 'receiveGithubWebhook' })
  @ApiHeader({ name: 'X-Hub-Signature-256', required: true })
  @ApiHeader({ name: 'X-GitHub-Event', required: true })
  @ApiHeader({ name: 'X-GitHub-Delivery', required: true })
  @ApiBody({ schema: ANY_OBJECT })
  async receiveGithub(
    @Body() body: JsonObject | undefined,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<EventAcceptedDto> {
    return this.record(await this.github.read((name) => request.get(name), request.rawBody, body), response);
  }

  /**
   * Take a webhook that is signed as Standard Webhooks describes, with the secret of this source. It becomes the event
   * `<source>.<type>` with the message as its data; a message is stored once.
   */
  @Post(':source')
  @HttpCode(200)
  @ApiOperation({ operationId: 'receiveWebhook' })
  @ApiHeader({ name: 'webhook-id', required: true })
  @ApiHeader({ name: 'webhook-timestamp', required: true })
  @ApiHeader({ name: 'webhook-signature', required: true })
  @ApiBody({ schema: ANY_OBJECT })
  async receive(
    @Param('source') source: string,
    @Body() body: JsonObject | undefined,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<EventAcceptedDto> {
    const headers = Object.fromEntries(SIGNED.map((name) => [name, request.get(name) ?? '']));
    return this.record(await this.signed.read(source, headers, request.rawBody, body), response);
  }

  private async record(event: NewEvent, response: Response): Promise<EventAcceptedDto> {
    const recorded = await this.log.record(event);
    if (recorded.replayed) response.set('Idempotency-Replayed', 'true');
    return accepted(recorded.event, recorded.replayed);
  }
}
