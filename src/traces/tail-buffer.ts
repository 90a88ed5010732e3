/** Keeps the last `capacity` bytes of what is pushed, in twice that memory, however much comes. */
export class TailBuffer {
  private buffer: Buffer | undefined;
  private end = 0;
  private pushed = 0;

  constructor(private readonly capacity: number) {}

  /** Bytes that were pushed in all. */
  get pushedBytes(): number {
    return this.pushed;
  }

  push(bytes: Buffer): void {
    this.buffer ??= Buffer.allocUnsafe(this.capacity * 2);
    this.pushed += bytes.length;
    const last = bytes.subarray(Math.max(0, bytes.length - this.capacity));
    if (this.end + last.length > this.buffer.length) {
      this.buffer.copyWithin(0, this.end - this.capacity, this.end);
      this.end = this.capacity;
    }
    this.end += last.copy(this.buffer, this.end);
  }

  bytes(): Buffer {
    return this.buffer?.subarray(Math.max(0, this.end - this.capacity), this.end) ?? Buffer.alloc(0);
  }
}
