import { describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { newId } from '../common/ids.js';
import { Signals } from './signals.js';

describe('Signals', () => {
  it('calls the listeners of the topic before announce returns, and no others', () => {
    const signals = new Signals();
    const heard: string[] = [];
    const id = newId();
    for (const topic of ['work', 'callbacks', `log:${id}`, `log:${newId()}`] as const) {
      signals.on(topic, () => heard.push(topic));
    }
    signals.announce('work');
    signals.announce(`log:${id}`);
    expect(heard).toEqual(['work', `log:${id}`]);
  });

  it('calls nobody who has unsubscribed', () => {
    const signals = new Signals();
    let calls = 0;
    const unsubscribe = signals.on('work', () => (calls += 1));
    signals.announce('work');
    unsubscribe();
    signals.announce('work');
    expect(calls).toBe(1);
  });

  it('does not let the failure of a listener reach who announces', () => {
    const errors: unknown[] = [];
    Logger.overrideLogger({
      log: () => undefined,
      warn: () => undefined,
      error: (text) => errors.push(text),
    });
    const signals = new Signals();
    signals.on('work', () => {
      throw new Error('broken');
    });
    expect(() => signals.announce('work')).not.toThrow();
    expect(errors).toEqual(['A listener to work failed']);
  });
});
