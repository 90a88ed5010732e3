import type { Settings } from '../../config/settings.js';

export interface Tokens {
  inputTokens: number;
  outputTokens: number;
}

/** US cents for a million tokens. */
interface Price {
  input: number;
  output: number;
}

/** By the beginning of the model's name; the longest that fits holds. */
const PRICES: Record<string, Price> = {
  'claude-haiku-4-5': { input: 100, output: 500 },
  'claude-sonnet-4': { input: 300, output: 1_500 },
  'gpt-5': { input: 125, output: 1_000 },
  'gpt-5-mini': { input: 25, output: 200 },
  'gpt-5-nano': { input: 5, output: 40 },
};

/** For a model that is not listed: a budget of money must hold for it too. */
const DEAREST: Price = { input: 1_500, output: 7_500 };

/** What tokens cost, in millionths of a US dollar, rounded up. */
export function costMicros(model: string, { inputTokens, outputTokens }: Tokens, settings: Settings): number {
  const [listed] = Object.keys(PRICES)
    .filter((name) => model.startsWith(name))
    .sort((a, b) => b.length - a.length);
  const { input, output } = listed === undefined ? DEAREST : PRICES[listed];
  const inputCents = settings.aiInputPriceCents ?? input;
  const outputCents = settings.aiOutputPriceCents ?? output;
  // Cents a million tokens are hundredths of a micro-dollar a token.
  return Math.ceil((inputTokens * inputCents + outputTokens * outputCents) / 100);
}
