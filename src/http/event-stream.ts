import { once } from 'node:events';
import type { Response } from 'express';

const KEEP_ALIVE_MS = 15_000;

/** An answer as server-sent events (WHATWG HTML): waits for a slow reader instead of buffering for it. */
export class EventStream {
  private readonly keepAlive: NodeJS.Timeout;
  private readonly closing = new AbortController();

  constructor(private readonly response: Response) {
    response.status(200).set({
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-store',
      'X-Accel-Buffering': 'no',
    });
    response.flushHeaders();
    this.keepAlive = setInterval(() => {
      if (!response.writableNeedDrain) response.write(': keep-alive\n\n');
    }, KEEP_ALIVE_MS);
    response.once('close', () => {
      clearInterval(this.keepAlive);
      this.closing.abort();
    });
  }

  /** Aborted when the reader has gone. */
  get gone(): AbortSignal {
    return this.closing.signal;
  }

  async send(event: string, id: string, data: string): Promise<void> {
    if (this.gone.aborted) return;
    // A carriage return ends a line of the protocol as well; a progress bar must not end the event.
    const lines = data.replaceAll(/\r\n?/g, '\n').replace(/\n$/, '').split('\n');
    const text = `event: ${event}\nid: ${id}\n${lines.map((line) => `data: ${line}\n`).join('')}\n`;
    if (!this.response.write(text))
      await once(this.response, 'drain', { signal: this.gone }).catch(() => undefined);
  }

  end(): void {
    clearInterval(this.keepAlive);
    this.response.end();
  }
}
