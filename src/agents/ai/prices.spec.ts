import { describe, expect, it } from '@jest/globals';
import { readSettings } from '../../config/settings.js';
import { costMicros } from './prices.js';

const MILLION = { inputTokens: 1_000_000, outputTokens: 1_000_000 };
const cost = (model: string, environment = {}) => costMicros(model, MILLION, readSettings(environment));

describe('costMicros', () => {
  it('takes the listed price of the longest name that fits', () => {
    expect(cost('gpt-5-mini-2025-08-07')).toBe(2_250_000);
    expect(cost('gpt-5-2025-08-07')).toBe(11_250_000);
  });

  it('counts a model that is not listed as the dearest, so that no budget is without effect', () => {
    expect(cost('something-new')).toBe(90_000_000);
  });

  it('lets the settings say what is paid here', () => {
    const own = { JCT_AI_INPUT_PRICE_CENTS: '10', JCT_AI_OUTPUT_PRICE_CENTS: '0' };
    expect(cost('something-new', own)).toBe(100_000);
  });

  it('rounds up: no call is free of charge', () => {
    const few = { inputTokens: 1, outputTokens: 0 };
    expect(costMicros('gpt-5-nano', few, readSettings({}))).toBe(1);
  });
});
