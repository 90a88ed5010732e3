import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { ApiClient } from '../support/api-client.js';
import { onBothDatabases, type TestDatabase } from '../support/databases.js';
import { eventually } from '../support/eventually.js';
import { LlmServer } from '../support/llm-server.js';
import { TowerYard } from '../support/tower-process.js';

const FINDINGS = {
  category: 'code',
  summary: 'The script ends with 1.',
  cause: 'It says so.',
  evidence: ['on purpose'],
  suggestions: [],
  confidence: 'high',
  follow_up: null,
};

onBothDatabases('agents of processes', (create) => {
  let database: TestDatabase;
  let yard: TowerYard;
  let llm: LlmServer;

  beforeEach(async () => {
    database = await create();
    yard = await TowerYard.open();
    llm = await LlmServer.listening();
    llm.always = { say: FINDINGS };
  });
  afterEach(async () => {
    await yard.close();
    await llm.close();
    await database.drop();
  });

  const start = (environment: Record<string, string> = {}) =>
    yard.start({
      DATABASE_URL: database.url,
      MAX_CONCURRENT_AGENTS: '10',
      JCT_POLL_INTERVAL_MS: '100',
      ANTHROPIC_API_KEY: 'sk-test',
      JCT_AI_BASE_URL: llm.url,
      JCT_ALLOW_PRIVATE_TARGETS: 'true',
      JCT_LEASE_SECONDS: '2',
      JCT_HEARTBEAT_SECONDS: '1',
      JCT_REAP_INTERVAL_SECONDS: '2',
      ...environment,
    });
  const agent = async (api: ApiClient, name: string) => (await api.get(`/agents/${name}`)).body;

  it('follow what one process is told, and are forgotten with a process that was killed', async () => {
    const { api } = await start({ JCT_ROLE: 'api' });
    const [first, second] = [await start({ JCT_ROLE: 'worker' }), await start({ JCT_ROLE: 'worker' })];
    const running = (count: number) =>
      eventually(async () => {
        const { instances, status } = await agent(api, 'infrastructure-monitor');
        return instances.length === count && status === 'running';
      });
    await running(2);
    await first.kill();
    await running(1);
    const { status, body } = await api.post('/agents/infrastructure-monitor/stop');
    expect([status, body.status]).toEqual([200, 'success']);
    expect((await agent(api, 'infrastructure-monitor')).instances).toMatchObject([{ status: 'stopped' }]);
    await second.stop();
    expect((await agent(api, 'infrastructure-monitor')).instances).toEqual([]);
  });

  it('diagnose a failure whose process died while the model was being asked', async () => {
    const first = await start();
    llm.always = { hang: true };
    const id = await first.api.accepted({ type: 'test', payload: { script: 'echo on purpose\nexit 1' } });
    await llm.until(1);
    await first.kill();
    llm.always = { say: FINDINGS };
    const { api } = await start();
    const { body } = await eventually(async () => {
      const answer = await api.get(`/tasks/${id}/diagnosis`);
      return answer.status === 200 && answer;
    });
    expect(body).toMatchObject({
      summary: FINDINGS.summary,
      evidence: [{ line: 'on purpose', in_log: true }],
    });
    expect((await api.get(`/tasks/${id}/trace/verify`)).body.ok).toBe(true);
    // What the dead process had set aside stays counted.
    const { usage } = await agent(api, 'build-doctor');
    expect(usage).toMatchObject({ calls: 2, input_tokens: 100, output_tokens: 20 });
    expect(usage.reserved_tokens).toBeGreaterThan(0);
  });
});
