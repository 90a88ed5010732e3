import { Injectable } from '@nestjs/common';
import { IsString, Length } from 'class-validator';
import { Agent } from '../../src/agents/agent.decorator.js';
import { BaseAgent, type EventContext } from '../../src/agents/base-agent.js';
import type { JsonObject } from '../../src/common/json.js';
import type { EventEntity } from '../../src/events/event.entity.js';

/** What JCT_AGENTS_FILE may say: `release-scribe: { environment: staging }`. */
export class ReleaseScribeConfig {
  @IsString() @Length(1, 64) environment = 'production';
}

/** Has release notes written for what was deployed. */
@Agent({
  name: 'release-scribe',
  description: 'who has release notes written',
  handles: ['deployment.completed'],
  capabilities: ['release_notes'],
  config: ReleaseScribeConfig,
})
@Injectable()
export class ReleaseScribe extends BaseAgent<ReleaseScribeConfig> {
  override declines({ data }: EventEntity): string | null {
    const target = data['target'] as { environment?: string } | null;
    const { environment } = this.config;
    return target?.environment === environment ? null : `It writes about ${environment} only.`;
  }

  async handleEvent({ data }: EventEntity, { actions }: EventContext): Promise<JsonObject> {
    const tags = data['tags'] as string[];
    const version = tags.find((tag) => /^v\d+\.\d+\.\d+$/.test(tag))?.slice(1);
    if (version === undefined) return { written: false, reason: 'The deployment has no tag like v1.4.2.' };
    const changes = [`Deployed by task ${data['task_id'] as string}`];
    const task = { type: 'release-notes', payload: { version, changes }, tags: ['release'] };
    // Under policy, as `agent:release-scribe`; once for the event, however often it is handled.
    return { written: true, handed: await actions.enqueue(task, 'notes') };
  }
}
