import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { ProcessSinks } from './process-spec.js';

/** A process that escaped every search may hold the pipe open for ever: after this silence nobody waits for it. */
const DRAIN_SILENCE_MS = 2_000;
const DRAIN_MAX_MS = 10_000;
/** Enough for what bwrap says when it cannot start. */
const HEAD_CHARACTERS = 500;

/** Carries what the command writes to the sinks, reading no faster than they take it. */
export class OutputPump {
  /** The first characters of stderr. */
  errorHead = '';
  private readonly streams: Readable[];
  private readonly finished: Promise<unknown>;
  private chunks = 0;

  /** @param failed called when a sink throws; nothing more is read then */
  constructor(
    child: ChildProcess,
    private readonly sinks: ProcessSinks,
    private readonly failed: (error: unknown) => void,
  ) {
    const { stdout, stderr } = child as { stdout: Readable; stderr: Readable };
    this.streams = [stdout, stderr];
    this.finished = Promise.all([this.carry('stdout', stdout), this.carry('stderr', stderr)]);
  }

  /** After the command's end: delivers what is still in the pipes. Never longer than 2 s of silence, 10 s in all. */
  async drain(): Promise<void> {
    const deadline = performance.now() + DRAIN_MAX_MS;
    const ended = this.finished.then(() => true);
    for (let seen = -1; seen !== this.chunks && performance.now() < deadline;) {
      seen = this.chunks;
      if (await Promise.race([ended, delay(DRAIN_SILENCE_MS, false, { ref: false })])) return;
    }
    for (const stream of this.streams) stream.destroy();
    await this.finished;
  }

  private async carry(name: 'stdout' | 'stderr', stream: Readable): Promise<void> {
    for await (const chunk of untilClosed(stream)) {
      if (name === 'stderr') this.errorHead = (this.errorHead + chunk.toString()).slice(0, HEAD_CHARACTERS);
      try {
        await this.sinks.output(name, chunk);
      } catch (error) {
        this.failed(error);
        return;
      }
      this.chunks += 1;
    }
  }
}

/** The chunks of a stream; being destroyed is an end like any other. */
async function* untilClosed(stream: Readable): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of stream) yield chunk as Buffer;
  } catch {
    // Destroyed by drain(), or the pipe broke: nothing more can come.
  }
}
