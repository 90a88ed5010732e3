import { Check, Column, Entity, PrimaryColumn } from 'typeorm';

/**
 * What one agent, or all of them together, used in a day. What is reserved is used as far as a budget is concerned: it is
 * settled after the call, and what a process reserved that then died stays counted, since the provider may have worked.
 */
@Entity('ai_usage')
@Check('ai_usage_counts', 'calls >= 0 AND input_tokens >= 0 AND output_tokens >= 0 AND cost_micros >= 0')
@Check('ai_usage_reserved', 'reserved_tokens >= 0 AND reserved_micros >= 0')
export class AiUsageEntity {
  /** UTC, `2026-11-22`. */
  @PrimaryColumn('varchar', { length: 10, primaryKeyConstraintName: 'ai_usage_pk' })
  day: string;

  /** Name of the agent, or `*` for all together. */
  @PrimaryColumn('varchar', { length: 100, primaryKeyConstraintName: 'ai_usage_pk' })
  scope: string;

  /** Questions that were begun. */
  @Column('integer')
  calls: number;

  @Column('integer')
  inputTokens: number;

  @Column('integer')
  outputTokens: number;

  /** In millionths of a US dollar. */
  @Column('integer')
  costMicros: number;

  @Column('integer')
  reservedTokens: number;

  @Column('integer')
  reservedMicros: number;
}
