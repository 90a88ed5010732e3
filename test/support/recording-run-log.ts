import { createHash } from 'node:crypto';
import { readSync } from 'node:fs';
import type { JsonObject } from '../../src/common/json.js';
import type { ArtifactRecord, ArtifactRefusal, RunLog } from '../../src/task-types/executor.js';

/** The far end of an executor: keeps in memory what a run leaves behind. */
export class RecordingRunLog implements RunLog {
  readonly stdout: string[] = [];
  readonly stderr: string[] = [];
  readonly notes: string[] = [];
  readonly events: { name: string; data?: JsonObject }[] = [];
  readonly artifacts = new Map<string, string>();
  readonly facts: Partial<Record<'sandbox' | 'repository' | 'process', JsonObject>> = {};
  readonly masked: string[] = [];
  /** Called with every chunk of output, for a test that waits for a word. */
  onOutput: (text: string) => void = () => undefined;

  output(stream: 'stdout' | 'stderr', chunk: Buffer): Promise<void> {
    this[stream].push(chunk.toString('utf8'));
    this.onOutput(this.text);
    return Promise.resolve();
  }

  note(line: string): Promise<void> {
    this.notes.push(line);
    return Promise.resolve();
  }

  event(name: string, data?: JsonObject): Promise<void> {
    this.events.push({ name, data });
    return Promise.resolve();
  }

  artifact(
    name: string,
    { fd, size }: { fd: number; size: number },
  ): Promise<ArtifactRecord | ArtifactRefusal> {
    // As the trace does: it is the trace that knows the limit.
    if (size > 1024 ** 3) return Promise.resolve({ refused: 'It is too large.' });
    const content = Buffer.alloc(size);
    readSync(fd, content, 0, size, 0);
    this.artifacts.set(name, content.toString('utf8'));
    return Promise.resolve({
      path: name,
      size_bytes: size,
      sha256: createHash('sha256').update(content).digest('hex'),
    });
  }

  fact(key: 'sandbox' | 'repository' | 'process', value: JsonObject): void {
    this.facts[key] = value;
  }

  mask(secret: string): void {
    this.masked.push(secret);
  }

  get text(): string {
    return this.stdout.join('');
  }
}
