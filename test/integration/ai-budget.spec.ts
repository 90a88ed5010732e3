import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { AiBudget, type Reserving } from '../../src/agents/ai/ai-budget.js';
import { LanguageModel } from '../../src/agents/ai/language-model.js';
import { Mind } from '../../src/agents/ai/mind.js';
import { Clock } from '../../src/common/clock.js';
import { readSettings } from '../../src/config/settings.js';
import type { PortableDataSource } from '../../src/database/portable-data-source.js';
import { OutboundFetch } from '../../src/outbound/outbound-fetch.js';
import { OutboundGuard } from '../../src/outbound/outbound-guard.js';
import { Resolver } from '../../src/outbound/resolver.js';
import { onBothDatabases, type TestDatabase } from '../support/databases.js';
import { LlmServer } from '../support/llm-server.js';
import { towerDataSource } from '../support/tower-data-source.js';

class SetClock extends Clock {
  at = new Date('2026-11-22T23:59:59.000Z');
  override now(): Date {
    return this.at;
  }
}

const LIMITS = {
  JCT_AI_AGENT_TOKENS_PER_DAY: '1000',
  JCT_AI_AGENT_CENTS_PER_DAY: '100',
  JCT_AI_TOKENS_PER_DAY: '1500',
  JCT_AI_CENTS_PER_DAY: '150',
  JCT_AI_CALL_TOKENS_MAX: '700',
};
const QUESTION = { system: '', prompt: 'x'.repeat(1_000), outputTokensMax: 100 };

onBothDatabases('the budget of AI agents', (create) => {
  let database: TestDatabase;
  let llm: LlmServer;
  const clock = new SetClock();
  const processes: PortableDataSource[] = [];

  beforeEach(async () => {
    database = await create();
    llm = await LlmServer.listening();
    clock.at = new Date('2026-11-22T23:59:59.000Z');
  });
  afterEach(async () => {
    for (const process of processes.splice(0)) await process.destroy();
    await llm.close();
    await database.drop();
  });

  /** As a process of its own would have it. */
  async function process(
    environment: Record<string, string> = {},
  ): Promise<{ budget: AiBudget; mind: Mind }> {
    const dataSource = await towerDataSource(database.url);
    processes.push(dataSource);
    const settings = readSettings({
      ANTHROPIC_API_KEY: 'key',
      JCT_AI_BASE_URL: llm.url,
      JCT_ALLOW_PRIVATE_TARGETS: 'true',
      JCT_AI_TIMEOUT_SECONDS: '1',
      ...LIMITS,
      ...environment,
    });
    const guard = new OutboundGuard(settings, new Resolver());
    const model = new LanguageModel(settings, guard, new OutboundFetch(guard));
    const budget = new AiBudget(dataSource, settings, clock);
    return { budget, mind: new Mind(settings, model, budget) };
  }

  it('is shared by all processes and outlives them', async () => {
    const [one, other] = [await process(), await process()];
    expect(await one.budget.reserve('a', { tokens: 600, micros: 1 })).toMatchObject({ ok: true });
    expect(await other.budget.reserve('a', { tokens: 401, micros: 1 })).toMatchObject({
      ok: false,
      scope: 'agent',
    });
    expect(await other.budget.reserve('a', { tokens: 400, micros: 1 })).toMatchObject({ ok: true });
    const reborn = await process();
    expect(await reborn.budget.reserve('a', { tokens: 1, micros: 0 })).toMatchObject({ ok: false });
    expect(await reborn.budget.usage('a')).toMatchObject({
      day: '2026-11-22',
      calls: 2,
      reserved_tokens: 1_000,
    });
  });

  it('gives what is enough for one to one of many who ask at once', async () => {
    const all = [await process(), await process(), await process()];
    const asked = all.flatMap(({ budget }) =>
      ['a', 'b', 'c', 'd'].map((agent) => budget.reserve(agent, { tokens: 500, micros: 1 })),
    );
    const granted = (await Promise.all(asked)).filter(({ ok }) => ok);
    expect(granted).toHaveLength(3);
  });

  it('holds for the money as for the tokens, for one agent and for all', async () => {
    const { budget } = await process();
    const scope = (reserving: Reserving) => (reserving.ok ? null : reserving.scope);
    expect(scope(await budget.reserve('a', { tokens: 1, micros: 1_000_001 }))).toBe('agent');
    expect(scope(await budget.reserve('a', { tokens: 1, micros: 1_000_000 }))).toBeNull();
    expect(scope(await budget.reserve('b', { tokens: 1, micros: 500_001 }))).toBe('day');
    expect(scope(await budget.reserve('b', { tokens: 1, micros: 500_000 }))).toBeNull();
  });

  it('takes nothing when it refuses', async () => {
    const { budget } = await process();
    await budget.reserve('a', { tokens: 1_001, micros: 0 });
    expect(await budget.usage('a')).toMatchObject({ calls: 0, reserved_tokens: 0 });
    expect(await budget.usage('*')).toMatchObject({ calls: 0, reserved_tokens: 0 });
  });

  it('begins anew the next day, and counts a call on the day on which it began', async () => {
    const { budget } = await process();
    const reserving = await budget.reserve('a', { tokens: 1_000, micros: 7 });
    clock.at = new Date('2026-11-23T00:00:00.000Z');
    expect(await budget.reserve('a', { tokens: 1_000, micros: 0 })).toMatchObject({ ok: true });
    if (reserving.ok)
      await budget.settle(reserving.reservation, { inputTokens: 5, outputTokens: 6, micros: 7 });
    expect(await budget.usage('a')).toMatchObject({
      day: '2026-11-23',
      input_tokens: 0,
      reserved_tokens: 1_000,
    });
    clock.at = new Date('2026-11-22T12:00:00.000Z');
    expect(await budget.usage('a')).toMatchObject({ input_tokens: 5, output_tokens: 6, reserved_tokens: 0 });
  });

  it('is charged what a call really used, and nothing for one that the provider refused', async () => {
    const { mind } = await process();
    llm.next.push({ say: 'Yes.', inputTokens: 250, outputTokens: 10 });
    const thought = await mind.ask('a', QUESTION);
    // 250 tokens at one dollar a million and 10 at five.
    expect(thought).toMatchObject({ status: 'answered', cost: { input_tokens: 250, cost_usd: 0.0003 } });
    expect(await mind.usage('a')).toMatchObject({ input_tokens: 250, output_tokens: 10, cost_usd: 0.0003 });
    llm.next.push({ status: 400 });
    expect(await mind.ask('a', QUESTION)).toMatchObject({ status: 'failed', retryable: false });
    expect(await mind.usage('a')).toMatchObject({ calls: 2, input_tokens: 250, reserved_tokens: 0 });
  });

  it('is charged all that was set aside when nobody knows what was used', async () => {
    const { mind } = await process();
    llm.next.push({ hang: true });
    expect(await mind.ask('a', QUESTION)).toMatchObject({
      status: 'failed',
      reason: 'timeout',
      retryable: true,
    });
    expect(await mind.usage('a')).toMatchObject({ input_tokens: 600, reserved_tokens: 0 });
  });

  it('refuses a question before it is asked: one that is too long, and one that the day has no room for', async () => {
    const { mind } = await process();
    const long = { ...QUESTION, prompt: 'x'.repeat(1_201) };
    expect(await mind.ask('a', long)).toMatchObject({ status: 'budget_exhausted', scope: 'call' });
    await mind.ask('a', QUESTION);
    llm.asked.length = 0;
    const { budget } = await process();
    await budget.reserve('a', { tokens: 500, micros: 0 });
    expect(await mind.ask('a', QUESTION)).toMatchObject({
      status: 'budget_exhausted',
      scope: 'agent',
      message: expect.stringMatching(/JCT_AI_AGENT_TOKENS_PER_DAY/),
    });
    expect(llm.asked).toEqual([]);
  });

  it('lets a budget of zero ask nothing', async () => {
    const { mind } = await process({ JCT_AI_CENTS_PER_DAY: '0' });
    expect(await mind.ask('a', QUESTION)).toMatchObject({ status: 'budget_exhausted', scope: 'day' });
    expect(llm.asked).toEqual([]);
  });
});
