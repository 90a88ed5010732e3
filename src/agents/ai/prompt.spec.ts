import { describe, expect, it } from '@jest/globals';
import { enhancedPrompt, quoted } from './prompt.js';

const ABOUT = { name: 'doctor', description: 'who heals' };

describe('enhancedPrompt', () => {
  it('says who is asked, what was said lately, the situation and the task, in this order', () => {
    expect(enhancedPrompt(ABOUT, [], 'Heal it.', null)).toBe(
      [
        'You are doctor, who heals.',
        'Recent context:\nNo recent context available.',
        'Current situation:\nNo additional context provided.',
        'Task: Heal it.',
        'Please answer precisely and briefly, using only what is given above. Say so where it is not enough.',
      ].join('\n\n'),
    );
  });

  it('shows the last three exchanges, each cut to a hundred characters, and a line for each fact', () => {
    const exchanges = [1, 2, 3, 4].map((n) => ({ prompt: `${n}${'q'.repeat(200)}`, response: `a${n}` }));
    const prompt = enhancedPrompt(ABOUT, exchanges, 'Heal it.', { host: 'a', load: [1, 2] });
    expect(prompt).not.toContain('1qq');
    expect(prompt).toContain(`1. Query: 2${'q'.repeat(99)}...\n   Response: a2...`);
    expect(prompt).toContain('3. Query: 4');
    expect(prompt).toContain('Current situation:\n- host: a\n- load: [1,2]');
  });
});

describe('quoted', () => {
  it('puts text between marks that are new each time', () => {
    const marks = [quoted('log', 'x'), quoted('log', 'x')].map(
      (text) => /<(log-[0-9a-f]{16})>\nx\n<\/\1>$/.exec(text)![1],
    );
    expect(marks[0]).not.toBe(marks[1]);
  });
});
