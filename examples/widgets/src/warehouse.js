/** Counts pieces. Never less than none: what is not there cannot be taken. */
export class Warehouse {
  #pieces = new Map();

  add(sku, quantity) {
    if (!Number.isInteger(quantity) || quantity < 1) throw new RangeError('Add at least one piece');
    this.#pieces.set(sku, this.available(sku) + quantity);
  }

  available(sku) {
    return this.#pieces.get(sku) ?? 0;
  }

  /**
   * Takes a whole order or nothing of it.
   *
   * @returns what is missing; an empty list when the order was taken
   */
  take(lines) {
    // TODO: reserve for an hour instead, so that a customer can still change an order
    const missing = lines
      .map(({ sku, quantity }) => ({ sku, quantity: quantity - this.available(sku) }))
      .filter(({ quantity }) => quantity > 0);
    if (missing.length > 0) return missing;
    for (const { sku, quantity } of lines) this.#pieces.set(sku, this.available(sku) - quantity);
    return [];
  }
}
