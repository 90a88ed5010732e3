import { describe, expect, it } from '@jest/globals';
import { isEventPattern, matches } from './event-pattern.js';
import { EVENT_TYPES, isEventType } from './event-types.js';

describe('a pattern', () => {
  it.each([
    ['task.failed', 'task.failed', true],
    ['task.failed', 'task.failed.twice', false],
    ['task.*', 'task.failed', true],
    ['task.*', 'task.failed.twice', true],
    ['task.*', 'task', false],
    ['task.*', 'tasks.failed', false],
    ['*', 'anything.at.all', true],
    ['task', 'task.failed', false],
    ['github.*', 'GitHub.push', false],
  ])('%s selects %s: %s', (pattern, type, selected) => expect(matches(pattern, type)).toBe(selected));

  it.each(['*', 'task.*', 'task.failed', 'a', 'github.check_run.*'])('may be %s', (text) =>
    expect(isEventPattern(text)).toBe(true),
  );

  it.each(['', '**', '*.failed', 'task.', '.task', 'task..x', 'task.*.x', 'ta sk', 'a'.repeat(101)])(
    'may not be "%s"',
    (text) => expect(isEventPattern(text)).toBe(false),
  );
});

describe('the types known by name', () => {
  it('are the 28 of the seed and the ends of tasks, each well-formed and only once', () => {
    const types = Object.values(EVENT_TYPES);
    expect(types).toHaveLength(28 + 3);
    expect(new Set(types).size).toBe(types.length);
    expect(types.filter((type) => !isEventType(type))).toEqual([]);
  });
});
