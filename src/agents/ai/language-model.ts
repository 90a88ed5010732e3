import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAI } from '@ai-sdk/openai';
import { Injectable } from '@nestjs/common';
import {
  APICallError,
  generateText,
  type LanguageModel as SdkModel,
  type LanguageModelUsage,
  NoObjectGeneratedError,
  Output,
  RetryError,
} from 'ai';
import type { ZodType } from 'zod';
import { Settings } from '../../config/settings.js';
import { OutboundFetch, OutboundRefusal } from '../../outbound/outbound-fetch.js';
import { OutboundGuard } from '../../outbound/outbound-guard.js';
import type { Tokens } from './prices.js';

export interface Question {
  system: string;
  prompt: string;
  outputTokensMax: number;
  /** Form of the answer; without one, it is free text. */
  schema?: ZodType;
  /** Calls the question off. */
  signal?: AbortSignal;
}

export type FailureReason =
  'timeout' | 'rate_limited' | 'unavailable' | 'rejected' | 'unusable' | 'called_off';

/** `used` is null where nobody knows whether the provider counts what it did not finish. */
export type LanguageModelAnswer =
  | { ok: true; text: string; object: unknown; used: Tokens }
  | { ok: false; reason: FailureReason; message: string; used: Tokens | null };

const DEFAULT_MODELS = { anthropic: 'claude-haiku-4-5', openai: 'gpt-5-mini' };
const NOTHING: Tokens = { inputTokens: 0, outputTokens: 0 };
const RETRIES_MAX = 2;

// The library writes warnings to the console; the process log is the tower's own.
Object.assign(globalThis, { AI_SDK_LOG_WARNINGS: false });

/** The model that the settings name, over the guarded client. Every failure is a value. */
@Injectable()
export class LanguageModel {
  private readonly protocol: 'anthropic' | 'openai' | 'openai-chat';

  constructor(
    private readonly settings: Settings,
    private readonly guard: OutboundGuard,
    private readonly outbound: OutboundFetch,
  ) {
    const { aiProvider, anthropicApiKey, openaiApiKey } = settings;
    const fallback = anthropicApiKey === undefined && openaiApiKey !== undefined ? 'openai' : 'anthropic';
    this.protocol = aiProvider === 'auto' ? fallback : aiProvider;
  }

  get name(): string {
    return this.settings.aiModel ?? DEFAULT_MODELS[this.protocol === 'anthropic' ? 'anthropic' : 'openai'];
  }

  /** Why no model can be asked here, as a sentence; null when one can. */
  problem(): string | null {
    const { aiProvider, aiBaseUrl } = this.settings;
    if (this.key === undefined) {
      if (aiProvider === 'auto') return 'There is no ANTHROPIC_API_KEY or OPENAI_API_KEY.';
      const name = this.protocol === 'anthropic' ? 'ANTHROPIC_API_KEY' : 'OPENAI_API_KEY';
      return `There is no ${name}, and JCT_AI_PROVIDER is ${aiProvider}.`;
    }
    const refusal = aiBaseUrl === undefined ? null : this.guard.checkUrl(aiBaseUrl);
    return refusal === null ? null : `JCT_AI_BASE_URL cannot be used. ${refusal}`;
  }

  /** Asks within JCT_AI_TIMEOUT_SECONDS; what is overloaded is asked again within it, as Retry-After says. Never throws. */
  async ask({ system, prompt, outputTokensMax, schema, signal }: Question): Promise<LanguageModelAnswer> {
    const timeout = AbortSignal.timeout(this.settings.aiTimeoutSeconds * 1_000);
    try {
      const answer = await generateText({
        model: this.model(),
        system,
        prompt,
        maxOutputTokens: outputTokensMax,
        maxRetries: RETRIES_MAX,
        abortSignal: signal ? AbortSignal.any([signal, timeout]) : timeout,
        ...(schema === undefined ? {} : { output: Output.object({ schema }) }),
      });
      const used = tokensOf(answer.usage);
      // Cut off at the limit, or only half of a form: the library gives no object, and says so by throwing.
      return { ok: true, text: answer.text, object: schema === undefined ? null : answer.output, used };
    } catch (error) {
      if (signal?.aborted) return failed('called_off', 'The question was called off.', null);
      if (timeout.aborted) {
        const seconds = this.settings.aiTimeoutSeconds;
        return failed('timeout', `The model gave no complete answer within ${seconds} s.`, null);
      }
      return failureOf(error);
    }
  }

  private get key(): string | undefined {
    const { anthropicApiKey, openaiApiKey } = this.settings;
    return this.protocol === 'anthropic' ? anthropicApiKey : openaiApiKey;
  }

  private model(): SdkModel {
    const options = {
      apiKey: this.key,
      fetch: this.outbound.fetch,
      ...(this.settings.aiBaseUrl === undefined ? {} : { baseURL: this.settings.aiBaseUrl }),
    };
    switch (this.protocol) {
      case 'anthropic':
        return createAnthropic(options)(this.name);
      case 'openai':
        return createOpenAI(options).responses(this.name);
      case 'openai-chat':
        return createOpenAI(options).chat(this.name);
      default:
        return this.protocol satisfies never;
    }
  }
}

function tokensOf({ inputTokens, outputTokens }: LanguageModelUsage): Tokens {
  return { inputTokens: inputTokens ?? 0, outputTokens: outputTokens ?? 0 };
}

function failed(reason: FailureReason, message: string, used: Tokens | null): LanguageModelAnswer {
  return { ok: false, reason, message, used };
}

/** Without the provider's own words: they may repeat the key, or what was asked. */
function failureOf(thrown: unknown): LanguageModelAnswer {
  const error = RetryError.isInstance(thrown) ? thrown.lastError : thrown;
  if (error instanceof OutboundRefusal) return failed('rejected', error.message, NOTHING);
  if (NoObjectGeneratedError.isInstance(error)) {
    const used = error.usage === undefined ? null : tokensOf(error.usage);
    return failed('unusable', 'The answer of the model does not have the form that was asked for.', used);
  }
  if (!APICallError.isInstance(error)) {
    const name = error instanceof Error ? error.name : typeof error;
    return failed('unusable', `The answer of the model cannot be used (${name}).`, null);
  }
  const { statusCode: status } = error;
  if (status === undefined) return failed('unavailable', 'The provider cannot be reached.', NOTHING);
  if (status < 400) return failed('unusable', 'The provider answered something that cannot be read.', null);
  if (status === 429) return failed('rate_limited', 'The provider asks to come back later (429).', NOTHING);
  if (status >= 500 || status === 408 || status === 409) {
    return failed('unavailable', `The provider answered ${status}.`, NOTHING);
  }
  const hint = status === 401 || status === 403 ? ' Check the API key.' : ' Check JCT_AI_MODEL.';
  return failed('rejected', `The provider refused the question (${status}).${hint}`, NOTHING);
}
