import { ApiProperty } from '@nestjs/swagger';

/** How much there is, and how fast it goes. */
export class TaskStatsDto {
  /** Tasks in each state; every state is named. */
  @ApiProperty({
    type: 'object',
    additionalProperties: { type: 'integer' },
    example: { queued: 2, completed: 40 },
  })
  by_status: Record<string, number>;

  /** The same for each type. */
  @ApiProperty({
    type: 'object',
    additionalProperties: { type: 'object', additionalProperties: { type: 'integer' } },
    example: { test: { queued: 2, completed: 40 } },
  })
  by_type: Record<string, Record<string, number>>;

  /** How long the oldest task that may run has been waiting; null when none waits. */
  oldest_queued_seconds: number | null;

  finished_last_minute: number;

  finished_last_hour: number;

  /** Results that were refused because their run had lost its lease, of all runs that are still stored. */
  late_results: number;
}
