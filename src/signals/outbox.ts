import type { Topic } from './topic.js';

/** Announcements come in bursts, e.g. of a batch of tasks: what is announced within this time leaves together. */
const GATHER_MS = 5;

/** A log grows, and tasks end, hundreds of times a second; who reads logs or looks at events cannot use more than this. */
const REST_MS = 100;

/** PostgreSQL refuses messages of 8,000 bytes; a topic has up to 44. */
export const MESSAGE_TOPICS_MAX = 100;

/** Hints that wait for a broker to come back. */
export const PENDING_MAX = 1_000;

/**
 * Topics on their way out: each once, however often it is announced, the log of a task and `events` ten times a second at
 * most. What
 * cannot be published waits, but only the latest 1,000: they are hints.
 */
export class Outbox {
  private pending = new Set<Topic>();
  /** Topics that were sent just now, and whether they were announced again. */
  private readonly resting = new Map<Topic, boolean>();
  private gathering = false;
  private flushing: Promise<void> | null = null;

  /** @param publish takes up to 100 topics; false: not now */
  constructor(private readonly publish: (topics: readonly Topic[]) => Promise<boolean>) {}

  get size(): number {
    return this.pending.size;
  }

  add(topic: Topic): void {
    if (this.resting.has(topic)) {
      this.resting.set(topic, true);
      return;
    }
    this.pending.add(topic);
    this.dropOldest();
    if (this.gathering) return;
    this.gathering = true;
    setTimeout(() => {
      this.gathering = false;
      void this.flush();
    }, GATHER_MS);
  }

  /** Publishes until nothing waits or nothing can be published. Never rejects. */
  flush(): Promise<void> {
    if (this.flushing === null && this.pending.size > 0) this.flushing = this.flushOnce();
    return this.flushing ?? Promise.resolve();
  }

  private async flushOnce(): Promise<void> {
    while (this.pending.size > 0) {
      const batch = [...this.pending].slice(0, MESSAGE_TOPICS_MAX);
      for (const topic of batch) {
        // Before it leaves: what is announced from now on is another hint.
        this.pending.delete(topic);
        if (topic.startsWith('log:') || topic === 'events') this.rest(topic);
      }
      if (!(await this.publish(batch))) {
        this.pending = new Set([...batch, ...this.pending]);
        this.dropOldest();
        break;
      }
    }
    // In the same turn as the last look: a call in between would be forgotten until the next announcement.
    this.flushing = null;
  }

  private dropOldest(): void {
    for (const topic of this.pending) {
      if (this.pending.size <= PENDING_MAX) return;
      this.pending.delete(topic);
    }
  }

  private rest(topic: Topic): void {
    this.resting.set(topic, false);
    setTimeout(() => {
      const again = this.resting.get(topic);
      this.resting.delete(topic);
      if (again) this.add(topic);
    }, REST_MS);
  }
}
