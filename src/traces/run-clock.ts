/**
 * The time of one run: wall clock at its start plus monotonic time since, so that log.txt and events.jsonl agree with each
 * other and never go backwards when somebody sets the clock.
 */
export class RunClock {
  private readonly base = performance.now();

  constructor(readonly startedAt: Date) {}

  now(): Date {
    return new Date(this.startedAt.getTime() + performance.now() - this.base);
  }

  /** Seconds since the start: `   1.234`. */
  elapsed(): string {
    return ((performance.now() - this.base) / 1_000).toFixed(3).padStart(8);
  }
}
