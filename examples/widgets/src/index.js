export { formatCents, totalCents } from './price.js';
export { parseOrder } from './order.js';
export { Warehouse } from './warehouse.js';
