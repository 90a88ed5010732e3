/**
 * Does a piece of work one round at a time. Who asks while a round goes on gets one more afterwards, however many asked:
 * what they saw may have come too late for the round that goes on.
 */
export class Rounds {
  private running: Promise<void> | null = null;
  private asked = false;

  /** @param round must not reject */
  constructor(private readonly round: () => Promise<void>) {}

  /** Resolves when a round that began after this call has ended. */
  ask(): Promise<void> {
    this.asked = true;
    this.running ??= this.run();
    return this.running;
  }

  /** Resolves when no round goes on. */
  async settled(): Promise<void> {
    await this.running;
  }

  private async run(): Promise<void> {
    while (this.asked) {
      this.asked = false;
      await this.round();
    }
    // In the same turn as the last look: who asked in between would be forgotten.
    this.running = null;
  }
}
