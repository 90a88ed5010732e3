import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { LlmServer } from '../../../test/support/llm-server.js';
import { readSettings } from '../../config/settings.js';
import { OutboundFetch } from '../../outbound/outbound-fetch.js';
import { OutboundGuard } from '../../outbound/outbound-guard.js';
import { Resolver } from '../../outbound/resolver.js';
import { LanguageModel } from './language-model.js';

const KEY = 'sk-a-secret-key';
const QUESTION = { system: 'You are a test.', prompt: 'Why?', outputTokensMax: 50 };
const FORM = z.object({ cause: z.string() });

const PROTOCOLS = [
  ['anthropic', { ANTHROPIC_API_KEY: KEY }, '/v1/messages'],
  ['openai', { OPENAI_API_KEY: KEY }, '/v1/responses'],
  ['openai-chat', { OPENAI_API_KEY: KEY }, '/v1/chat/completions'],
] as const;

describe('LanguageModel', () => {
  let llm: LlmServer;
  beforeEach(async () => {
    llm = await LlmServer.listening();
  });
  afterEach(() => llm.close());

  function model(environment: Record<string, string> = { ANTHROPIC_API_KEY: KEY }): LanguageModel {
    const settings = readSettings({
      JCT_AI_BASE_URL: llm.url,
      JCT_ALLOW_PRIVATE_TARGETS: 'true',
      ...environment,
    });
    const guard = new OutboundGuard(settings, new Resolver());
    return new LanguageModel(settings, guard, new OutboundFetch(guard));
  }

  describe.each(PROTOCOLS)('over the protocol %s', (provider, keys, path) => {
    const speaking = (environment = {}) => model({ JCT_AI_PROVIDER: provider, ...keys, ...environment });

    it('asks with the key, the model and the limit of the settings, and counts what was used', async () => {
      llm.next.push({ say: 'Because.', inputTokens: 321, outputTokens: 7 });
      expect(await speaking({ JCT_AI_MODEL: 'model-x' }).ask(QUESTION)).toEqual({
        ok: true,
        text: 'Because.',
        object: null,
        used: { inputTokens: 321, outputTokens: 7 },
      });
      const [asked] = llm.asked;
      expect(asked.path).toBe(path);
      expect(asked.body['model']).toBe('model-x');
      expect(JSON.stringify(asked.body)).toMatch(/"max_(completion_|output_)?tokens":50/);
      expect(asked.text).toContain('You are a test.');
      expect(asked.text).toContain('Why?');
      expect(asked.headers['x-api-key'] ?? asked.headers['authorization']).toContain(KEY);
      expect(asked.headers['user-agent']).toMatch(/^devops-control-tower\//);
    });

    it('gives an object of the form that was asked for', async () => {
      llm.next.push({ say: { cause: 'a typo' } });
      expect(await speaking().ask({ ...QUESTION, schema: FORM })).toMatchObject({
        ok: true,
        object: { cause: 'a typo' },
      });
    });

    it('says that an answer of another form is unusable, and counts it', async () => {
      llm.next.push({ say: { reason: 'a typo' }, inputTokens: 10, outputTokens: 5 });
      expect(await speaking().ask({ ...QUESTION, schema: FORM })).toMatchObject({
        ok: false,
        reason: 'unusable',
        used: { inputTokens: 10, outputTokens: 5 },
      });
    });

    it('comes back after the time that a busy provider asks for', async () => {
      llm.next.push({ status: 429, headers: { 'retry-after': '0' } }, { say: 'Now.' });
      expect(await speaking().ask(QUESTION)).toMatchObject({ ok: true, text: 'Now.' });
      expect(llm.asked).toHaveLength(2);
    });

    it.each([
      [429, 'rate_limited'],
      [500, 'unavailable'],
      [529, 'unavailable'],
    ])('gives up on a provider that goes on to answer %i, and counts nothing', async (status, reason) => {
      llm.always = { status, headers: { 'retry-after': '0' } };
      expect(await speaking().ask(QUESTION)).toMatchObject({
        ok: false,
        reason,
        used: { inputTokens: 0, outputTokens: 0 },
      });
      expect(llm.asked).toHaveLength(3);
    });

    it('says what to check when the provider refuses, without trying again and without repeating the key', async () => {
      llm.always = { status: 401 };
      const answer = await speaking().ask(QUESTION);
      expect(answer).toMatchObject({
        ok: false,
        reason: 'rejected',
        message: expect.stringMatching(/API key/),
      });
      expect(JSON.stringify(answer)).not.toContain(KEY);
      expect(llm.asked).toHaveLength(1);
    });

    it.each(['{"half": ', '[]', 'null', '<html>'])(
      'does not know what was used when it answers %j',
      async (raw) => {
        llm.always = { raw };
        expect(await speaking().ask(QUESTION)).toMatchObject({ ok: false, reason: 'unusable', used: null });
      },
    );
  });

  it('waits no longer than JCT_AI_TIMEOUT_SECONDS', async () => {
    llm.always = { hang: true };
    expect(await model({ ANTHROPIC_API_KEY: KEY, JCT_AI_TIMEOUT_SECONDS: '1' }).ask(QUESTION)).toMatchObject({
      ok: false,
      reason: 'timeout',
      used: null,
    });
  });

  it('ends when it is called off', async () => {
    llm.always = { hang: true };
    const off = new AbortController();
    const answer = model().ask({ ...QUESTION, signal: off.signal });
    await llm.until(1);
    off.abort();
    expect(await answer).toMatchObject({ ok: false, reason: 'called_off' });
  });

  it('says that a provider which is not there cannot be reached', async () => {
    const gone = model();
    await llm.close();
    const off = AbortSignal.timeout(30_000);
    expect(await gone.ask({ ...QUESTION, signal: off })).toMatchObject({ ok: false, reason: 'unavailable' });
  });

  it.each([
    [{}, /no ANTHROPIC_API_KEY or OPENAI_API_KEY/],
    [
      { JCT_AI_PROVIDER: 'openai', ANTHROPIC_API_KEY: KEY },
      /no OPENAI_API_KEY, and JCT_AI_PROVIDER is openai/,
    ],
    [
      { ANTHROPIC_API_KEY: KEY, JCT_ALLOW_PRIVATE_TARGETS: 'false' },
      /JCT_AI_BASE_URL cannot be used.*public/,
    ],
  ])('says why no model can be asked: %j', (environment, message) => {
    expect(model(environment as Record<string, string>).problem()).toMatch(message);
  });

  it('takes the provider whose key there is', async () => {
    expect(model().problem()).toBeNull();
    await model({ OPENAI_API_KEY: KEY }).ask(QUESTION);
    await model({ OPENAI_API_KEY: KEY, ANTHROPIC_API_KEY: KEY }).ask(QUESTION);
    expect(llm.asked.map(({ path }) => path)).toEqual(['/v1/responses', '/v1/messages']);
  });

  it('sends nothing where the outbound guard does not let it', async () => {
    const guarded = model({ ANTHROPIC_API_KEY: KEY, JCT_ALLOW_PRIVATE_TARGETS: 'false' });
    expect(await guarded.ask(QUESTION)).toMatchObject({ ok: false, reason: 'rejected' });
    expect(llm.asked).toEqual([]);
  });
});
