/**
 * Finds every occurrence of many byte strings in one pass (Aho and Corasick, 1975), also those that overlap.
 *
 * Own code because the masker needs one thing that no regular expression answers: how much of the end of the data could
 * still become an occurrence. Children are linked lists in flat arrays (a private key in all its forms has 50,000
 * states: 1 MB this way, 50 MB as tables of 256); the start state, where ordinary output stays, is a table.
 */
export class PatternAutomaton {
  private readonly fromStart = new Int32Array(256);
  private readonly byte: Uint8Array;
  private readonly child: Int32Array;
  private readonly sibling: Int32Array;
  private readonly fallback: Int32Array;
  private readonly depth: Int32Array;
  /** Length of the longest pattern that ends in a state; 0 when none does. */
  private readonly hit: Int32Array;
  private states = 1;

  /** @param patterns bytes as latin1 strings, none empty */
  constructor(patterns: Iterable<string>) {
    const list = [...patterns];
    const size = list.reduce((sum, pattern) => sum + pattern.length, 1);
    this.byte = new Uint8Array(size);
    this.child = new Int32Array(size);
    this.sibling = new Int32Array(size);
    this.fallback = new Int32Array(size);
    this.depth = new Int32Array(size);
    this.hit = new Int32Array(size);
    for (const pattern of list) this.insert(pattern);
    this.link();
  }

  /**
   * Sets `marks` to 1 for every byte of `data` that belongs to an occurrence.
   *
   * @returns index of the longest end of `data` that begins a pattern; `data.length` when none does
   */
  mark(data: Uint8Array, marks: Uint8Array): number {
    let state = 0;
    for (let index = 0; index < data.length; index++) {
      state = state === 0 ? this.fromStart[data[index]] : this.next(state, data[index]);
      const length = this.hit[state];
      if (length > 0) marks.fill(1, index + 1 - length, index + 1);
    }
    return data.length - this.depth[state];
  }

  private insert(pattern: string): void {
    let state = 0;
    for (const byte of Buffer.from(pattern, 'latin1'))
      state = this.childOf(state, byte) || this.addChild(state, byte);
    this.hit[state] = pattern.length;
  }

  private addChild(state: number, byte: number): number {
    const added = this.states++;
    this.byte[added] = byte;
    this.depth[added] = this.depth[state] + 1;
    if (state === 0) this.fromStart[byte] = added;
    this.sibling[added] = this.child[state]!;
    this.child[state] = added;
    return added;
  }

  /** Breadth first, so that the fallback of a state, which is less deep, is complete before it is asked. */
  private link(): void {
    const queue = [0];
    for (let index = 0; index < queue.length; index++) {
      const state = queue[index];
      for (let child = this.child[state]; child !== 0; child = this.sibling[child]!) {
        this.fallback[child] = state === 0 ? 0 : this.next(this.fallback[state], this.byte[child]);
        this.hit[child] ||= this.hit[this.fallback[child]];
        queue.push(child);
      }
    }
  }

  private next(from: number, byte: number): number {
    for (let state = from; state !== 0; state = this.fallback[state]!) {
      const child = this.childOf(state, byte);
      if (child !== 0) return child;
    }
    return this.fromStart[byte];
  }

  private childOf(state: number, byte: number): number {
    if (state === 0) return this.fromStart[byte];
    let child = this.child[state];
    while (child !== 0 && this.byte[child] !== byte) child = this.sibling[child]!;
    return child;
  }
}
