import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { newId } from '../common/ids.js';
import { MESSAGE_TOPICS_MAX, Outbox, PENDING_MAX } from './outbox.js';
import type { Topic } from './topic.js';

/** A far end that takes messages while it is up. */
class FarEnd {
  readonly messages: Topic[][] = [];
  up = true;

  readonly publish = (topics: readonly Topic[]): Promise<boolean> => {
    if (this.up) this.messages.push([...topics]);
    return Promise.resolve(this.up);
  };
}

const settled = (): Topic => `settled:${newId()}`;

describe('Outbox', () => {
  let farEnd: FarEnd;
  let outbox: Outbox;

  beforeEach(() => {
    jest.useFakeTimers();
    farEnd = new FarEnd();
    outbox = new Outbox(farEnd.publish);
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('sends what is announced in a burst as one message, each topic once', async () => {
    const one = settled();
    for (const topic of ['work', one, 'work', one, 'work'] as const) outbox.add(topic);
    await jest.advanceTimersByTimeAsync(5);
    expect(farEnd.messages).toEqual([['work', one]]);
  });

  it('sends again what is announced after it has left', async () => {
    outbox.add('work');
    await jest.advanceTimersByTimeAsync(5);
    outbox.add('work');
    await jest.advanceTimersByTimeAsync(5);
    expect(farEnd.messages).toEqual([['work'], ['work']]);
  });

  it('sends again what is announced while it is on its way', async () => {
    let arrived = (_: boolean): void => undefined;
    const messages: (readonly Topic[])[] = [];
    outbox = new Outbox((topics) => {
      messages.push(topics);
      return new Promise((resolve) => (arrived = resolve));
    });
    outbox.add('work');
    await jest.advanceTimersByTimeAsync(5);
    outbox.add('work');
    await jest.advanceTimersByTimeAsync(5);
    expect(messages).toHaveLength(1);
    arrived(true);
    await jest.advanceTimersByTimeAsync(0);
    expect(messages).toEqual([['work'], ['work']]);
  });

  it('sends the growth of a log at once, then ten times a second at most, and the last growth always', async () => {
    const log: Topic = `log:${newId()}`;
    for (let ms = 0; ms < 1_000; ms += 1) {
      outbox.add(log);
      await jest.advanceTimersByTimeAsync(1);
    }
    const whileGrowing = farEnd.messages.length;
    expect(whileGrowing).toBeGreaterThanOrEqual(9);
    expect(whileGrowing).toBeLessThanOrEqual(11);
    await jest.advanceTimersByTimeAsync(1_000);
    expect(farEnd.messages.length).toBe(whileGrowing + 1);
  });

  it('lets the log of one task rest alone', async () => {
    const logs = Array.from({ length: 3 }, (): Topic => `log:${newId()}`);
    for (const log of logs) {
      outbox.add(log);
      await jest.advanceTimersByTimeAsync(5);
    }
    expect(farEnd.messages).toEqual(logs.map((log) => [log]));
  });

  it('keeps the latest hints while there is no way out, and no more than that', async () => {
    farEnd.up = false;
    const topics = Array.from({ length: PENDING_MAX * 5 }, settled);
    for (const topic of topics) {
      outbox.add(topic);
      expect(outbox.size).toBeLessThanOrEqual(PENDING_MAX);
    }
    await jest.advanceTimersByTimeAsync(1_000);
    expect(outbox.size).toBe(PENDING_MAX);
    farEnd.up = true;
    await outbox.flush();
    expect(farEnd.messages.flat()).toEqual(topics.slice(-PENDING_MAX));
  });

  it('never makes a message longer than PostgreSQL takes', async () => {
    for (let i = 0; i < 250; i += 1) outbox.add(settled());
    await jest.advanceTimersByTimeAsync(5);
    expect(farEnd.messages.map(({ length }) => length)).toEqual([MESSAGE_TOPICS_MAX, MESSAGE_TOPICS_MAX, 50]);
    expect([newId(), ...farEnd.messages[0]].join(' ').length).toBeLessThan(8_000);
  });
});
