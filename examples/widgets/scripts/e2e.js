// One order from its text to the emptied shelf, through what was built and not through the sources.
import assert from 'node:assert/strict';

await import('./build.js');
const { parseOrder, Warehouse } = await import('../dist/index.js');

const warehouse = new Warehouse();
warehouse.add('gear-12', 5);
const order = parseOrder('3 x gear-12\n# for the workshop\n');
assert.deepEqual(warehouse.take(order), []);
assert.equal(warehouse.available('gear-12'), 2);
assert.deepEqual(warehouse.take(order), [{ sku: 'gear-12', quantity: 1 }]);
console.log(
  `An order was taken, and the next one refused, in ${process.env.JCT_ENVIRONMENT ?? 'no environment'}`,
);
