import { describe, expect, it } from '@jest/globals';
import { Agent } from './agent.decorator.js';
import { AIAgent } from './ai/ai-agent.js';
import type { Mind } from './ai/mind.js';
import { BaseAgent } from './base-agent.js';

@Agent({ name: 'probe', description: 'who is tested', handles: ['a.b'], timeoutSeconds: 1 })
class Probe extends BaseAgent {
  readonly calls: string[] = [];
  initialising: () => Promise<void> = () => Promise.resolve();
  cleaning: () => Promise<void> = () => Promise.resolve();
  handleEvent(): Promise<null> {
    return Promise.resolve(null);
  }
  protected override initialise(): Promise<void> {
    this.calls.push('initialise');
    return this.initialising();
  }
  protected override cleanUp(): Promise<void> {
    this.calls.push('cleanUp');
    return this.cleaning();
  }
}

describe('BaseAgent', () => {
  it('goes from stopped over starting to running, and back over stopping', async () => {
    const agent = new Probe();
    expect([agent.status, agent.startedAt]).toEqual(['stopped', null]);
    let during = '';
    agent.initialising = () => Promise.resolve(void (during = agent.status));
    await agent.start();
    expect([during, agent.status, agent.startedAt]).toEqual(['starting', 'running', expect.any(Date)]);
    agent.cleaning = () => Promise.resolve(void (during = agent.status));
    await agent.stop();
    expect([during, agent.status, agent.startedAt]).toEqual(['stopping', 'stopped', null]);
    expect([...agent.handledEventTypes]).toEqual(['a.b']);
  });

  it('starts once, however often and however close together it is told to', async () => {
    const agent = new Probe();
    await Promise.all([agent.start(), agent.start()]);
    await agent.start();
    await Promise.all([agent.stop(), agent.stop()]);
    expect(agent.calls).toEqual(['initialise', 'cleanUp']);
  });

  it('is in error with the reason when its start or its stop fails, and can be started again', async () => {
    const agent = new Probe();
    agent.initialising = () => Promise.reject(new Error('no breakfast'));
    await expect(agent.start()).rejects.toThrow('no breakfast');
    expect([agent.status, agent.errorCount, agent.lastError]).toEqual(['error', 1, 'no breakfast']);
    agent.initialising = () => Promise.resolve();
    await agent.start();
    expect(agent.status).toBe('running');
    agent.cleaning = () => Promise.reject(new Error('no supper'));
    await expect(agent.stop()).rejects.toThrow('no supper');
    expect([agent.status, agent.errorCount, agent.lastError]).toEqual(['error', 2, 'no supper']);
  });

  it('is in error when its start takes too long, and does not stay in it for ever', async () => {
    const agent = new Probe();
    agent.initialising = () => new Promise(() => undefined);
    // The time of a signal does not keep a process alive.
    const alive = setInterval(() => undefined, 100);
    await expect(agent.start()).rejects.toThrow('probe was starting for more than 1 s.');
    clearInterval(alive);
    expect(agent.status).toBe('error');
  });

  it('does not start while it is blocked', async () => {
    const agent = new Probe();
    agent.blocked = () => 'No room.';
    await agent.start();
    expect([agent.status, agent.calls]).toEqual(['stopped', []]);
  });
});

@Agent({ name: 'thinker', description: 'who thinks' })
class Thinker extends AIAgent {
  handleEvent(): Promise<null> {
    return Promise.resolve(null);
  }
}

describe('AIAgent', () => {
  const cost = { model: 'm', input_tokens: 1, output_tokens: 1, cost_usd: 0 };

  it('remembers the last ten exchanges until it stops, and none that failed', async () => {
    let answers = 0;
    const mind = {
      problem: () => null,
      ask: () =>
        Promise.resolve(
          (answers += 1) % 2 === 0
            ? { status: 'failed', reason: 'timeout', message: '', retryable: true }
            : { status: 'answered', text: `answer ${answers}`, object: null, cost },
        ),
    } as unknown as Mind;
    const agent = new Thinker(mind);
    await agent.start();
    for (let n = 1; n <= 24; n += 1) await agent.think(`question ${n}`);
    expect(agent.contextWindow).toHaveLength(10);
    expect(agent.contextWindow[0]).toEqual({ prompt: 'question 5', response: 'answer 5' });
    expect(agent.contextWindow[9]).toEqual({ prompt: 'question 23', response: 'answer 23' });
    await agent.stop();
    expect(agent.contextWindow).toEqual([]);
    await expect(agent.think('?')).rejects.toThrow('LLM client not initialized for agent thinker');
  });
});
