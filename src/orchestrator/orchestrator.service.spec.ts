import { Logger } from '@nestjs/common';
import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Clock } from '../common/clock.js';
import { readSettings } from '../config/settings.js';
import type { EventLog } from '../events/event-log.js';
import { OrchestratorService } from './orchestrator.service.js';
import type { Part } from './part.js';

describe('the orchestrator', () => {
  let done: string[];
  let recorded: string[];
  beforeAll(() => Logger.overrideLogger(false));
  beforeEach(() => {
    done = [];
    recorded = [];
  });

  const part = (name: string, more: Partial<Part> = {}): Part => ({
    name,
    start: () => void done.push(`start ${name}`),
    stop: () => Promise.resolve(void done.push(`stop ${name}`)),
    ...more,
  });
  const log = {
    record: ({ type }: { type: string }) => Promise.resolve(void recorded.push(type)),
  } as unknown as EventLog;
  const orchestrator = (parts: Part[], role = 'all', events = log): OrchestratorService =>
    new OrchestratorService(readSettings({ JCT_ROLE: role }), new Clock(), events, parts);

  it('starts its parts in order, stops them in reverse, once, and records both', async () => {
    const service = orchestrator([part('a'), part('b'), part('c')]);
    expect(service.status).toBe('stopped');
    await service.onApplicationBootstrap();
    expect((await service.describe()).map(({ name, status }) => `${name} ${status}`)).toEqual([
      'a running',
      'b running',
      'c running',
    ]);
    await Promise.all([service.stop(), service.stop()]);
    expect(done).toEqual(['start a', 'start b', 'start c', 'stop c', 'stop b', 'stop a']);
    expect(service.status).toBe('stopped');
    expect(recorded).toEqual(['system.startup', 'system.shutdown']);
  });

  it('stops the others when one cannot be stopped, and says which', async () => {
    const broken = part('b', { stop: () => Promise.reject(new Error('stuck')) });
    const service = orchestrator([part('a'), broken, part('c')]);
    await service.onApplicationBootstrap();
    await service.stop();
    expect(done.slice(3)).toEqual(['stop c', 'stop a']);
    expect(await service.describe()).toMatchObject([
      { name: 'a', status: 'stopped', error: null },
      { name: 'b', status: 'failed', error: 'stuck' },
      { name: 'c', status: 'stopped' },
    ]);
  });

  it('does not go on when a part cannot be started', async () => {
    const broken = part('b', { start: () => Promise.reject(new Error('no secret')) });
    const service = orchestrator([part('a'), broken, part('c')]);
    await expect(service.onApplicationBootstrap()).rejects.toThrow('no secret');
    expect(done).toEqual(['start a']);
  });

  it('starts nothing in a process that only serves the API, but asks every part what it has to tell', async () => {
    const told = part('a', { report: () => Promise.resolve({ workflowsCount: 3 }) });
    const service = orchestrator([told, part('b')], 'api');
    await service.onApplicationBootstrap();
    expect(done).toEqual([]);
    expect(await service.describe()).toEqual([
      { name: 'a', status: 'stopped', since: null, error: null, report: { workflowsCount: 3 } },
      { name: 'b', status: 'stopped', since: null, error: null, report: {} },
    ]);
    await service.stop();
    expect(done).toEqual([]);
  });

  it('neither fails nor waits when its beginning and end cannot be recorded', async () => {
    const away = { record: () => Promise.reject(new Error('away')) } as unknown as EventLog;
    const silent = { record: () => new Promise(() => undefined) } as unknown as EventLog;
    for (const events of [away, silent]) {
      const service = orchestrator([], 'all', events);
      await service.onApplicationBootstrap();
      await service.stop();
      expect(service.status).toBe('stopped');
    }
  });
});
