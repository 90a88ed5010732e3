import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatCents, totalCents } from '../src/price.js';

const prices = { 'gear-12': 250, 'bolt-3': 5 };

describe('an order', () => {
  it('costs what its lines cost', () => {
    const lines = [
      { sku: 'gear-12', quantity: 2 },
      { sku: 'bolt-3', quantity: 9 },
    ];
    assert.equal(totalCents(lines, prices), 545);
  });

  it('is a tenth cheaper from ten pieces of one widget on', () => {
    assert.equal(totalCents([{ sku: 'gear-12', quantity: 10 }], prices), 2_250);
  });

  it('is rounded in favour of the customer', () => {
    assert.equal(totalCents([{ sku: 'bolt-3', quantity: 11 }], prices), 49);
  });

  it('of nothing costs nothing', () => {
    assert.equal(totalCents([], prices), 0);
  });

  it('of an unknown widget is refused by name', () => {
    assert.throws(() => totalCents([{ sku: 'moon-1', quantity: 1 }], prices), /No price for moon-1/);
  });
});

describe('an amount', () => {
  it('has thousands and two decimals', () => {
    assert.equal(formatCents(123_456), '1,234.56');
    assert.equal(formatCents(5), '0.05');
  });
});
