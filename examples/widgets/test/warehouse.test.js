import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Warehouse } from '../src/warehouse.js';

function stocked() {
  const warehouse = new Warehouse();
  warehouse.add('gear-12', 5);
  warehouse.add('bolt-3', 100);
  return warehouse;
}

describe('a warehouse', () => {
  it('takes a whole order', () => {
    const warehouse = stocked();
    assert.deepEqual(warehouse.take([{ sku: 'gear-12', quantity: 5 }]), []);
    assert.equal(warehouse.available('gear-12'), 0);
  });

  it('takes nothing of an order that it cannot fill, and says what is missing', () => {
    const warehouse = stocked();
    const lines = [
      { sku: 'bolt-3', quantity: 1 },
      { sku: 'gear-12', quantity: 7 },
    ];
    assert.deepEqual(warehouse.take(lines), [{ sku: 'gear-12', quantity: 2 }]);
    assert.equal(warehouse.available('bolt-3'), 100);
  });

  it('adds whole pieces only', () => {
    assert.throws(() => stocked().add('bolt-3', 0.5), RangeError);
  });

  it('neither loses nor invents a piece over 100,000 random orders', () => {
    const warehouse = new Warehouse();
    let inside = 0;
    for (let i = 0; i < 100_000; i += 1) {
      const quantity = 1 + Math.floor(Math.random() * 9);
      if (Math.random() < 0.5) {
        warehouse.add('bolt-3', quantity);
        inside += quantity;
      } else if (warehouse.take([{ sku: 'bolt-3', quantity }]).length === 0) inside -= quantity;
      assert.ok(inside >= 0);
      assert.equal(warehouse.available('bolt-3'), inside);
    }
  });
});
