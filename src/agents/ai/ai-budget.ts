import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource, type EntityManager } from 'typeorm';
import { Clock } from '../../common/clock.js';
import { Settings } from '../../config/settings.js';
import { execute } from '../../database/statements.js';
import { AiUsageEntity } from './ai-usage.entity.js';
import type { Tokens } from './prices.js';

const EVERYBODY = '*';

export interface Amount {
  tokens: number;
  micros: number;
}

/** What was set aside for one call; settle it in any case. */
export interface Reservation {
  day: string;
  agent: string;
  amount: Amount;
}

export type Reserving =
  { ok: true; reservation: Reservation } | { ok: false; scope: 'agent' | 'day'; message: string };

export interface Usage {
  day: string;
  calls: number;
  input_tokens: number;
  output_tokens: number;
  /** Set aside for calls that go on, or whose process died. */
  reserved_tokens: number;
  cost_usd: number;
  tokens_max: number;
  cost_usd_max: number;
}

/**
 * The budgets of a day, in the database: a restart does not renew them, and any number of processes share them. What a
 * call may use at most is set aside before it; two calls cannot both take what is enough for one.
 */
@Injectable()
export class AiBudget {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly settings: Settings,
    private readonly clock: Clock,
  ) {}

  async reserve(agent: string, amount: Amount): Promise<Reserving> {
    const day = this.today();
    try {
      await this.dataSource.transaction(async (manager) => {
        // All together first, in every process: two transactions that take rows in another order would wait for each other.
        for (const scope of [EVERYBODY, agent]) {
          await execute(
            manager,
            `INSERT INTO ai_usage (day, scope, calls, input_tokens, output_tokens, cost_micros, reserved_tokens, reserved_micros)
             VALUES ($1, $2, 0, 0, 0, 0, 0, 0) ON CONFLICT (day, scope) DO NOTHING`,
            [day, scope],
          );
          if (!(await this.take(manager, day, scope, amount))) throw new Exhausted(scope);
        }
      });
    } catch (error) {
      if (error instanceof Exhausted) return this.refusal(error.scope);
      throw error;
    }
    return { ok: true, reservation: { day, agent, amount } };
  }

  /** Puts what was used in place of what was set aside. @param used null: nobody knows, so all of it counts as used */
  async settle(
    { day, agent, amount }: Reservation,
    used: (Tokens & { micros: number }) | null,
  ): Promise<void> {
    const { inputTokens, outputTokens, micros } = used ?? {
      inputTokens: amount.tokens,
      outputTokens: 0,
      micros: amount.micros,
    };
    await this.dataSource.transaction(async (manager) => {
      for (const scope of [EVERYBODY, agent]) {
        await execute(
          manager,
          `UPDATE ai_usage SET reserved_tokens = reserved_tokens - $3, reserved_micros = reserved_micros - $4,
             input_tokens = input_tokens + $5, output_tokens = output_tokens + $6, cost_micros = cost_micros + $7
           WHERE day = $1 AND scope = $2`,
          [day, scope, amount.tokens, amount.micros, inputTokens, outputTokens, micros],
        );
      }
    });
  }

  /** Of one agent, today. */
  async usage(agent: string): Promise<Usage> {
    const day = this.today();
    const row = await this.dataSource.manager.findOneBy(AiUsageEntity, { day, scope: agent });
    const { tokens, micros } = this.limits(agent);
    return {
      day,
      calls: row?.calls ?? 0,
      input_tokens: row?.inputTokens ?? 0,
      output_tokens: row?.outputTokens ?? 0,
      reserved_tokens: row?.reservedTokens ?? 0,
      cost_usd: (row?.costMicros ?? 0) / 1_000_000,
      tokens_max: tokens,
      cost_usd_max: micros / 1_000_000,
    };
  }

  private async take(manager: EntityManager, day: string, scope: string, amount: Amount): Promise<boolean> {
    const limits = this.limits(scope);
    const { affected } = await execute(
      manager,
      `UPDATE ai_usage SET calls = calls + 1, reserved_tokens = reserved_tokens + $3, reserved_micros = reserved_micros + $4
       WHERE day = $1 AND scope = $2
         AND input_tokens + output_tokens + reserved_tokens <= $5 AND cost_micros + reserved_micros <= $6`,
      [
        day,
        scope,
        amount.tokens,
        amount.micros,
        limits.tokens - amount.tokens,
        limits.micros - amount.micros,
      ],
    );
    return affected === 1;
  }

  private limits(scope: string): Amount {
    const { aiTokensPerDay, aiCentsPerDay, aiAgentTokensPerDay, aiAgentCentsPerDay } = this.settings;
    return scope === EVERYBODY
      ? { tokens: aiTokensPerDay, micros: aiCentsPerDay * 10_000 }
      : { tokens: aiAgentTokensPerDay, micros: aiAgentCentsPerDay * 10_000 };
  }

  private refusal(scope: string): Extract<Reserving, { ok: false }> {
    const { tokens, micros } = this.limits(scope);
    const whose = scope === EVERYBODY ? 'of all agents' : `of the agent ${scope}`;
    const settings =
      scope === EVERYBODY
        ? 'JCT_AI_TOKENS_PER_DAY, JCT_AI_CENTS_PER_DAY'
        : 'JCT_AI_AGENT_TOKENS_PER_DAY, JCT_AI_AGENT_CENTS_PER_DAY';
    const message =
      `What is left today of the budget ${whose} is not enough: ${tokens} tokens and ${micros / 1_000_000} US dollars ` +
      `a day (${settings}). It begins anew at midnight UTC.`;
    return { ok: false, scope: scope === EVERYBODY ? 'day' : 'agent', message };
  }

  private today(): string {
    return this.clock.now().toISOString().slice(0, 10);
  }
}

class Exhausted extends Error {
  constructor(readonly scope: string) {
    super();
  }
}
