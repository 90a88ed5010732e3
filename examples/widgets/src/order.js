const LINE = /^([1-9]\d{0,3}) x ([a-z]+-\d+)$/;

/**
 * Reads an order, one widget a line: `3 x gear-12`. Empty lines and comments (`#`) are skipped, and what is ordered twice
 * is added up.
 *
 * @throws SyntaxError naming the first line that is not an order
 */
export function parseOrder(text) {
  const quantities = new Map();
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.replace(/#.*/, '').trim();
    if (line === '') continue;
    const match = LINE.exec(line);
    if (match === null) throw new SyntaxError(`Line ${index + 1} is not an order: ${line}`);
    const [, quantity, sku] = match;
    quantities.set(sku, (quantities.get(sku) ?? 0) + Number(quantity));
  }
  return [...quantities].map(([sku, quantity]) => ({ sku, quantity }));
}
