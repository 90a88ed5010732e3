import { describe, expect, it } from '@jest/globals';
import { newId } from '../common/ids.js';
import { isTopic } from './topic.js';

describe('isTopic', () => {
  it.each(['work', 'callbacks', 'events', `settled:${newId()}`, `log:${newId()}`, `cancel:${newId()}`])(
    'is true for %s',
    (text) => expect(isTopic(text)).toBe(true),
  );

  it.each([
    '',
    'Work',
    'work ',
    'error',
    'log:',
    'log:x',
    `logs:${newId()}`,
    `xlog:${newId()}`,
    `log:${newId()}x`,
    newId(),
  ])('is false for %j', (text) => expect(isTopic(text)).toBe(false));
});
