import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional, IsString, Length, Matches, MaxLength, Validate } from 'class-validator';
import { HeaderMap } from './header-map.js';

export const NOTIFY_FORMATS = ['json', 'slack', 'text'] as const;
export type NotifyFormat = (typeof NOTIFY_FORMATS)[number];

/** Payload of a `notify` task: one message to one URL. */
export class NotifyPayload {
  @ApiProperty({
    description: 'Where to post: http or https, in the public internet.',
    maxLength: 2_000,
    example: 'https://hooks.example.com/deployments',
  })
  @IsString()
  @MaxLength(2_000)
  @Matches(/^https?:\/\/[^\s\\]+$/i, { message: 'url must be an http or https URL without white space' })
  url: string;

  @ApiProperty({ minLength: 1, maxLength: 10_000, example: 'Release 1.4.2 is on staging.' })
  @IsString()
  @Length(1, 10_000)
  message: string;

  @ApiPropertyOptional({
    enum: NOTIFY_FORMATS,
    enumName: 'NotifyFormat',
    default: 'json',
    description:
      'json: {"message", "task_id", "type", "attempt", "target"}; slack: {"text"}, also for Mattermost and Discord /slack; text: the message alone.',
  })
  @IsOptional()
  @IsIn(NOTIFY_FORMATS)
  format?: NotifyFormat | null;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: { type: 'string' },
    maxProperties: 20,
    description: 'Further request headers. Values of those that carry credentials are masked in the trace.',
    example: { 'X-Team': 'platform' },
  })
  @IsOptional()
  @Validate(HeaderMap)
  headers?: Record<string, string> | null;
}
