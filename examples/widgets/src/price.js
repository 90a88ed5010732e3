/** From this many pieces of one widget on, each costs a tenth less. */
const BULK_PIECES = 10;
const BULK_PERCENT_OFF = 10;

/** What an order costs, in cents; each line is rounded to whole cents in favour of the customer. */
export function totalCents(lines, centsBySku) {
  let total = 0;
  for (const { sku, quantity } of lines) {
    const cents = centsBySku[sku];
    if (cents === undefined) throw new RangeError(`No price for ${sku}`);
    const percent = quantity >= BULK_PIECES ? 100 - BULK_PERCENT_OFF : 100;
    total += Math.floor((cents * quantity * percent) / 100);
  }
  return total;
}

/** `123456` becomes `1,234.56`. */
export function formatCents(cents) {
  const amount = new Intl.NumberFormat('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  return amount.format(cents / 100);
}
