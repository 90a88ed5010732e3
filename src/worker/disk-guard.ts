import { Injectable } from '@nestjs/common';
import { Settings } from '../config/settings.js';
import { TraceStore } from '../traces/trace-store.js';

/** How long an answer holds: an idle tower asks at every poll, a busy one at every claim. */
const FRESH_MS = 1_000;

/**
 * Whether traces can be written. While they cannot, no task is started: it would only fail. Space that returns is
 * noticed without a restart.
 */
@Injectable()
export class DiskGuard {
  private found: string | null = null;
  private checkedAt = -Infinity;
  private suspected = false;

  constructor(
    private readonly settings: Settings,
    private readonly traces: TraceStore,
  ) {}

  /** A trace could not be written: from now on a file is written for trial at each check, until that works. */
  suspect(): void {
    this.suspected = true;
    this.checkedAt = -Infinity;
  }

  /** What is wrong, as a sentence; null when traces can be written. */
  async problem(): Promise<string | null> {
    if (performance.now() - this.checkedAt < FRESH_MS) return this.found;
    this.checkedAt = performance.now();
    this.found = await this.look();
    return this.found;
  }

  private async look(): Promise<string | null> {
    try {
      const freeMb = (await this.traces.freeBytes()) / 1_048_576;
      if (freeMb < this.settings.minFreeMb) {
        return `Only ${Math.floor(freeMb)} MiB are free below JCT_TRACE_ROOT; JCT_MIN_FREE_MB is ${this.settings.minFreeMb}.`;
      }
      if (!this.suspected) return null;
      const failure = await this.traces.checkWritable();
      this.suspected = failure !== undefined;
      return failure?.message ?? null;
    } catch (error) {
      this.suspected = true;
      return (error as Error).message;
    }
  }
}
