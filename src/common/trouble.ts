import type { Logger } from '@nestjs/common';

/** Tells of a job that keeps failing once for each reason, and once when it works again: not once a second all night. */
export class Trouble {
  private readonly last = new Map<string, string>();

  constructor(private readonly logger: Logger) {}

  /** Does the work; never rejects. @param what names it in the log: "claiming" */
  async watch(what: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
      if (this.last.delete(what)) this.logger.log(`${what} works again`);
    } catch (error) {
      const { message } = error as Error;
      if (this.last.get(what) !== message) {
        this.logger.warn(`${what} fails, and is tried again: ${message}`);
      }
      this.last.set(what, message);
    }
  }
}
