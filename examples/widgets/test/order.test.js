import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseOrder } from '../src/order.js';

describe('parseOrder', () => {
  it('reads one widget a line, without comments', () => {
    const text = '# for Monday\n3 x gear-12\n\n  1 x bolt-3   # spare\n';
    assert.deepEqual(parseOrder(text), [
      { sku: 'gear-12', quantity: 3 },
      { sku: 'bolt-3', quantity: 1 },
    ]);
  });

  it('adds up what is ordered twice', () => {
    assert.deepEqual(parseOrder('1 x bolt-3\n2 x bolt-3'), [{ sku: 'bolt-3', quantity: 3 }]);
  });

  for (const line of [
    'gear-12',
    '0 x gear-12',
    '-1 x gear-12',
    '99999 x gear-12',
    '1 x GEAR',
    '1.5 x gear-12',
  ]) {
    it(`names a line that is not an order: ${line}`, () => {
      assert.throws(
        () => parseOrder(`1 x bolt-3\n${line}`),
        new SyntaxError(`Line 2 is not an order: ${line}`),
      );
    });
  }
});
