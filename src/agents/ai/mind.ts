import { Injectable } from '@nestjs/common';
import { Settings } from '../../config/settings.js';
import { AiBudget, type Usage } from './ai-budget.js';
import { type FailureReason, LanguageModel, type Question } from './language-model.js';
import { costMicros, type Tokens } from './prices.js';

export interface ThoughtCost {
  model: string;
  input_tokens: number;
  output_tokens: number;
  cost_usd: number;
}

/** What came of asking a model: a value. A budget that is exhausted is no failure, and trying again does not help before it is renewed. */
export type Thought =
  | {
      status: 'answered';
      text: string;
      /** null unless a schema was given. */ object: unknown;
      cost: ThoughtCost;
    }
  | { status: 'budget_exhausted'; scope: 'call' | 'agent' | 'day'; message: string }
  | {
      status: 'failed';
      reason: FailureReason;
      message: string;
      /** Trying again may help. */ retryable: boolean;
    };

/** Asks the model within the budgets: of the call, of the agent, of the day. Agents get theirs through AIAgent.think(). */
@Injectable()
export class Mind {
  constructor(
    private readonly settings: Settings,
    private readonly model: LanguageModel,
    private readonly budget: AiBudget,
  ) {}

  /** Why no model can be asked here, as a sentence; null when one can. */
  problem(): string | null {
    return this.model.problem();
  }

  /** What the agent has used today, and may use. */
  usage(agent: string): Promise<Usage> {
    return this.budget.usage(agent);
  }

  async ask(agent: string, question: Question): Promise<Thought> {
    const most: Tokens = {
      inputTokens: tokensAtMost(question.system + question.prompt),
      outputTokens: question.outputTokensMax,
    };
    const tokens = most.inputTokens + most.outputTokens;
    if (tokens > this.settings.aiCallTokensMax) {
      const message =
        `The question may use ${tokens} tokens with its answer; ` +
        `${this.settings.aiCallTokensMax} are allowed (JCT_AI_CALL_TOKENS_MAX).`;
      return { status: 'budget_exhausted', scope: 'call', message };
    }
    const reserving = await this.budget.reserve(agent, { tokens, micros: this.cost(most) });
    if (!reserving.ok)
      return { status: 'budget_exhausted', scope: reserving.scope, message: reserving.message };

    const answer = await this.model.ask(question);
    const { used } = answer;
    await this.budget.settle(reserving.reservation, used && { ...used, micros: this.cost(used) });
    if (!answer.ok) {
      const { reason, message } = answer;
      return { status: 'failed', reason, message, retryable: reason !== 'rejected' };
    }
    const { text, object } = answer;
    return { status: 'answered', text, object, cost: this.costOf(answer.used) };
  }

  private cost(tokens: Tokens): number {
    return costMicros(this.model.name, tokens, this.settings);
  }

  private costOf(used: Tokens): ThoughtCost {
    return {
      model: this.model.name,
      input_tokens: used.inputTokens,
      output_tokens: used.outputTokens,
      cost_usd: this.cost(used) / 1_000_000,
    };
  }
}

/** Prose has a token every four bytes, code and logs every three; two are on the safe side without a tokenizer of each model. */
function tokensAtMost(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / 2);
}
