import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Injectable, Module, type Type } from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
import { IsInt, Max } from 'class-validator';
import type { DataSource } from 'typeorm';
import { Agent } from '../../src/agents/agent.decorator.js';
import { BaseAgent, type EventContext } from '../../src/agents/base-agent.js';
import type { JsonObject } from '../../src/common/json.js';
import { EventDeliveryEntity } from '../../src/events/event-delivery.entity.js';
import { EventLog } from '../../src/events/event-log.js';
import { EventsService } from '../../src/events/events.service.js';
import { EventEntity } from '../../src/events/event.entity.js';
import { onBothDatabases, type TestDatabase } from '../support/databases.js';
import { eventually } from '../support/eventually.js';
import { Tower } from '../support/tower.js';

const heard: string[] = [];

@Agent({ name: 'steady', description: 'who listens', handles: ['test.*'], capabilities: ['listening'] })
@Injectable()
class Steady extends BaseAgent {
  handleEvent({ data }: EventEntity): Promise<JsonObject> {
    heard.push(String(data['word']));
    return Promise.resolve({ heard: data['word'] });
  }
}

@Agent({ name: 'hanging', description: 'who hangs', handles: ['test.*'], timeoutSeconds: 1, concurrency: 1 })
@Injectable()
class Hanging extends BaseAgent {
  handleEvent(): Promise<null> {
    return new Promise(() => undefined);
  }
}

@Agent({ name: 'throwing', description: 'who throws', handles: ['test.*'] })
@Injectable()
class Throwing extends BaseAgent {
  handleEvent(): Promise<null> {
    return Promise.reject(new Error('thrown on purpose'));
  }
}

@Module({ providers: [Steady, Hanging, Throwing] })
class Listeners {}

@Agent({ name: 'stubborn', description: 'who does not start' })
@Injectable()
class Stubborn extends BaseAgent {
  static willing = false;
  handleEvent(): Promise<null> {
    return Promise.resolve(null);
  }
  protected override initialise(): Promise<void> {
    return Stubborn.willing ? Promise.resolve() : Promise.reject(new Error('no breakfast'));
  }
}

class DoerConfig {
  @IsInt() @Max(9) level = 3;
}

@Agent({ name: 'doer', description: 'who acts', handles: ['test.do'], config: DoerConfig })
@Injectable()
class Doer extends BaseAgent<DoerConfig> {
  async handleEvent(_: EventEntity, { actions, attempt }: EventContext): Promise<JsonObject> {
    const payload = { script: 'true' };
    const granted = await actions.enqueue({ type: 'test', payload }, 'granted');
    const denied = await actions.enqueue({ type: 'deploy', payload }, 'denied');
    const invalid = await actions.enqueue({ type: 'test', payload: {} }, 'invalid');
    await actions.record({ type: 'doer.did', data: { level: this.config.level } }, 'did');
    if (attempt === 1) throw new Error('died after its deeds');
    return { granted, denied, invalid };
  }
}

@Module({ providers: [Stubborn, Doer] })
class Actors {}

onBothDatabases('agents', (create) => {
  let database: TestDatabase;
  let folder: string;
  const towers: Tower[] = [];

  beforeEach(async () => {
    database = await create();
    folder = await mkdtemp(join(tmpdir(), 'jct-agents-'));
    heard.length = 0;
    Stubborn.willing = false;
  });
  afterEach(async () => {
    for (const tower of towers.splice(0)) await tower.stop();
    await rm(folder, { recursive: true, force: true });
    await database.drop();
  });

  async function tower(extensions: Type[], environment: Record<string, string> = {}): Promise<Tower> {
    const settings = { MAX_CONCURRENT_AGENTS: '10', JCT_POLL_INTERVAL_MS: '50', ...environment };
    const started = await Tower.start(database.url, settings, extensions);
    towers.push(started);
    return started;
  }

  const manager = ({ app }: Tower) => app.get<DataSource>(getDataSourceToken()).manager;
  const record = async ({ app }: Tower, type: string, data: JsonObject = {}): Promise<string> =>
    (await app.get(EventLog).record({ type, source: 'test', data })).event.id;
  const delivery = (of: Tower, eventId: string, agent: string): Promise<EventDeliveryEntity | null> =>
    manager(of).findOneBy(EventDeliveryEntity, { eventId, subscriber: `agent:${agent}` });
  const agent = async ({ api }: Tower, name: string) => (await api.get(`/agents/${name}`)).body;
  const running = (of: Tower, name: string) =>
    eventually(async () => (await agent(of, name)).status === 'running');

  it('are listed in the shape of the seed, and shown with their configuration', async () => {
    const one = await tower([Listeners]);
    await running(one, 'steady');
    const { body } = await one.api.get('/agents');
    expect(body.map(({ name }: { name: string }) => name)).toEqual([
      'build-doctor',
      'hanging',
      'infrastructure-monitor',
      'steady',
      'throwing',
    ]);
    expect(body[3]).toMatchObject({
      name: 'steady',
      type: 'Steady',
      status: 'running',
      health: 'unknown',
      capabilities: ['listening'],
      description: 'who listens',
    });
    expect(await agent(one, 'steady')).toMatchObject({ config: {}, error_count: 0, last_error: null });
    const { status, body: problem } = await one.api.get('/agents/nobody');
    expect([status, problem.code]).toEqual([404, 'AGENT_NOT_FOUND']);
    const { body: whole } = await one.api.get('/status');
    expect(whole.agents['steady']).toEqual({ status: 'running', health: 'unknown' });
    expect(whole.orchestrator.agents_count).toBe(5);
  });

  it('do not wait for one that hangs or one that throws, and both show with their errors', async () => {
    const one = await tower([Listeners]);
    await running(one, 'steady');
    const first = await record(one, 'test.first', { word: 'first' });
    // The second is heard while the first still hangs elsewhere: nobody stands in anybody's way.
    await record(one, 'test.second', { word: 'second' });
    await eventually(() => Promise.resolve(heard.length === 2));
    expect((await delivery(one, first, 'hanging'))?.outcome).toBeNull();

    for (const [name, error] of [
      ['hanging', /within 1 s/],
      ['throwing', /thrown on purpose/],
    ] as const) {
      const shown = await eventually(async () => {
        const now = await agent(one, name);
        return now.error_count > 0 && now;
      });
      expect(shown).toMatchObject({ status: 'running', last_error: expect.stringMatching(error) });
      expect(shown.statistics).toMatchObject({ tasks_completed: 0, tasks_failed: shown.error_count });
    }
    expect(await agent(one, 'steady')).toMatchObject({
      error_count: 0,
      statistics: { tasks_completed: 2, tasks_failed: 0, average_response_time_ms: expect.any(Number) },
    });
  });

  it('that are stopped pass by what had been waiting for them, and the deliveries say so', async () => {
    const one = await tower([Listeners]);
    await running(one, 'hanging');
    await record(one, 'test.first', { word: 'first' });
    const second = await record(one, 'test.second', { word: 'second' });
    await eventually(async () => (await delivery(one, second, 'hanging'))?.status === 'pending');
    await one.api.post('/agents/hanging/stop');
    const passed = await eventually(async () => {
      const now = await delivery(one, second, 'hanging');
      return now?.status === 'completed' && now;
    });
    expect(passed.outcome).toEqual({ passed_by: 'The agent is stopped.' });
  });

  it('start and stop in every process at a word to one of them, and keep to it over restarts', async () => {
    const one = await tower([Listeners]);
    const two = await tower([Listeners]);
    await eventually(async () => {
      const { instances } = await agent(one, 'steady');
      return instances.length === 2 && instances.every(({ status }: JsonObject) => status === 'running');
    });
    expect((await one.api.post('/agents/steady/stop')).body).toEqual({
      status: 'success',
      message: 'Agent steady stopped',
    });
    const stopped = await agent(two, 'steady');
    expect(stopped).toMatchObject({ status: 'stopped', enabled: false });
    expect(stopped.instances.map(({ status }: JsonObject) => status)).toEqual(['stopped', 'stopped']);

    const id = await record(two, 'test.unheard', { word: 'unheard' });
    const skipped = await eventually(() => delivery(two, id, 'steady'));
    expect(skipped).toMatchObject({ status: 'skipped', error: 'The agent is stopped.' });

    const reborn = await tower([Listeners]);
    await running(reborn, 'throwing');
    expect((await agent(reborn, 'steady')).status).toBe('stopped');
    expect((await reborn.api.post('/agents/steady/start')).body).toEqual({
      status: 'success',
      message: 'Agent steady started',
    });
    await record(one, 'test.heard', { word: 'heard' });
    await eventually(() => Promise.resolve(heard.length > 0));
    expect(heard).toEqual(['heard']);
    const told = await manager(one).findBy(EventEntity, { source: 'steady' });
    const types = told.map(({ type }) => type).sort();
    // Two started it at their beginning, two stopped it, three started it again.
    expect(types).toEqual([
      ...Array<string>(5).fill('system.agent_started'),
      ...Array<string>(2).fill('system.agent_stopped'),
    ]);
  });

  it('leave with their process', async () => {
    const one = await tower([Listeners]);
    const two = await tower([Listeners]);
    await eventually(async () => (await agent(one, 'steady')).instances.length === 2);
    await two.stop();
    towers.pop();
    expect((await agent(one, 'steady')).instances).toHaveLength(1);
  });

  it('wait for a worker process where there is none', async () => {
    const one = await tower([Listeners], { JCT_ROLE: 'api' });
    const { status, body } = await one.api.post('/agents/steady/start');
    expect([status, body.status]).toEqual([202, 'accepted']);
    expect(await agent(one, 'steady')).toMatchObject({ status: 'stopped', enabled: true, instances: [] });
  });

  it('say why they failed to start, and try again when they are asked to', async () => {
    const one = await tower([Actors]);
    await eventually(async () => (await agent(one, 'stubborn')).status === 'error');
    const { status, body } = await one.api.post('/agents/stubborn/start');
    expect([status, body.code, body.detail]).toEqual([
      500,
      'AGENT_FAILED',
      'Failed to start agent: no breakfast',
    ]);
    expect(await agent(one, 'stubborn')).toMatchObject({ error_count: 2, last_error: 'no breakfast' });
    Stubborn.willing = true;
    expect((await one.api.post('/agents/stubborn/start')).body.status).toBe('success');
    expect((await agent(one, 'stubborn')).status).toBe('running');
  });

  it('that need a model stay stopped without a key, and say so', async () => {
    const one = await tower([]);
    const reason = 'There is no ANTHROPIC_API_KEY or OPENAI_API_KEY.';
    await eventually(async () => (await agent(one, 'build-doctor')).reason === reason);
    expect(await agent(one, 'build-doctor')).toMatchObject({
      status: 'stopped',
      enabled: true,
      usage: { calls: 0 },
    });
    const { status, body } = await one.api.post('/agents/build-doctor/start');
    expect([status, body.code, body.detail]).toEqual([
      409,
      'ILLEGAL_STATE',
      `The agent cannot run. ${reason}`,
    ]);
    expect(body.current_state).toBe('stopped');
  });

  it('run no more at once than MAX_CONCURRENT_AGENTS lets them', async () => {
    const one = await tower([Listeners], { MAX_CONCURRENT_AGENTS: '2' });
    await running(one, 'infrastructure-monitor');
    expect(await agent(one, 'steady')).toMatchObject({
      status: 'stopped',
      reason: 'MAX_CONCURRENT_AGENTS is 2.',
    });
    const { status, body } = await one.api.post('/agents/steady/start');
    expect([status, body.detail]).toEqual([409, 'The agent cannot run. MAX_CONCURRENT_AGENTS is 2.']);
  });

  it('that cannot run in one process are served by the others, also of what that one dispatched', async () => {
    const unable = await tower([Listeners], { MAX_CONCURRENT_AGENTS: '0' });
    const able = await tower([Listeners]);
    await eventually(async () => (await agent(unable, 'steady')).status === 'running');
    await able.app.get(EventsService).stop();
    const id = await record(unable, 'test.word', { word: 'anyway' });
    const waiting = await eventually(() => delivery(unable, id, 'steady'));
    expect(waiting.status).toBe('pending');
    able.app.get(EventsService).start();
    await eventually(() => Promise.resolve(heard.length === 1));
  });

  it('act as themselves, under policy, and once for an event however often they are told of it', async () => {
    const policy = join(folder, 'policy.yaml');
    await writeFile(
      policy,
      `version: 1
types: ['*']
repositories: ['https://**']
environments: ['*']
agents: [{ names: [doer], types: [test] }]`,
    );
    const one = await tower([Actors], { JCT_POLICY_FILE: policy, JCT_WORKER_QUEUES: 'nobody' });
    const id = await record(one, 'test.do');
    const ended = await eventually(async () => {
      const now = await delivery(one, id, 'doer');
      return now?.status === 'completed' && now;
    });
    expect(ended).toMatchObject({ attempt: 2 });
    const { granted, denied, invalid } = ended.outcome as Record<string, JsonObject>;
    expect(granted).toMatchObject({ accepted: true, status: 'queued' });
    expect(denied).toMatchObject({
      accepted: false,
      code: 'POLICY_DENIED',
      violations: [{ code: 'AGENT_NOT_GRANTED', value: 'deploy', allowed: ['test'] }],
    });
    expect(invalid).toMatchObject({ accepted: false, code: 'VALIDATION_FAILED' });

    const { body } = await one.api.get('/tasks');
    expect(body.items).toHaveLength(1);
    expect(body.items[0]).toMatchObject({
      task_id: granted['taskId'],
      requested_by: 'agent:doer',
      source: 'agent:doer',
    });
    const did = await manager(one).findBy(EventEntity, { type: 'doer.did' });
    expect(did).toHaveLength(1);
    expect(did[0]).toMatchObject({
      source: 'doer',
      actor: 'agent:doer',
      causedByKind: 'event',
      causedById: id,
    });
    expect(await agent(one, 'doer')).toMatchObject({
      error_count: 1,
      last_error: 'died after its deeds',
      statistics: { tasks_completed: 1, tasks_failed: 1 },
    });
  });
});

describe('the start of a tower', () => {
  const start = async (extensions: Type[], environment: Record<string, string> = {}): Promise<void> => {
    const started = await Tower.start('sqlite://', environment, extensions);
    await started.stop();
  };

  it('is refused where two agents have one name, both named', async () => {
    @Agent({ name: 'build-doctor', description: 'who is another' })
    @Injectable()
    class Quack extends BaseAgent {
      handleEvent(): Promise<null> {
        return Promise.resolve(null);
      }
    }
    @Module({ providers: [Quack] })
    class Double {}
    await expect(start([Double])).rejects.toThrow(
      /Two agents have the name 'build-doctor': (BuildDoctor and Quack|Quack and BuildDoctor)/,
    );
  });

  it.each([
    ['a malformed name', { name: 'Not OK', description: '' }, /not a valid name of an agent/],
    [
      'what is no type of events',
      { name: 'ok', description: '', handles: ['a b'] },
      /'a b', which is no type/,
    ],
  ])('is refused where an agent has %s', async (_, options, message) => {
    @Agent(options)
    @Injectable()
    class Odd extends BaseAgent {
      handleEvent(): Promise<null> {
        return Promise.resolve(null);
      }
    }
    @Module({ providers: [Odd] })
    class OddModule {}
    await expect(start([OddModule])).rejects.toThrow(message);
  });

  it.each([
    ['doer: { level: 10 }', /doer\/level: level must not be greater than 9/],
    ['doer: { levle: 1 }', /doer\/levle/],
    ['stubborn: { level: 1 }', /stubborn has nothing to configure/],
    ['nobody: {}', /there is no agent "nobody"; there are build-doctor, doer/],
    ['doer: 7', /doer: must be a mapping/],
    ['[', /JCT_AGENTS_FILE/],
  ])('is refused where JCT_AGENTS_FILE says %j', async (text, message) => {
    const first = await Tower.start('sqlite://');
    const file = join(first.folder, 'agents.yaml');
    await writeFile(file, text);
    await expect(start([Actors], { JCT_AGENTS_FILE: file })).rejects.toThrow(message);
    await first.stop();
  });
});
