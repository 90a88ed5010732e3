import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { JsonObject } from '../common/json.js';
import { CHAIN_START, type ChainEnd } from './event-chain.js';
import { type FileRecord, HashedFile } from './hashed-file.js';
import type { RunClock } from './run-clock.js';
import type { SecretMasker } from './secret-masker.js';

export const EVENTS_FILE = 'events.jsonl';

/** An event tells that something happened; what is bigger belongs into the log or into an artifact. */
export const EVENT_DATA_BYTES_MAX = 65_536;

/**
 * events.jsonl: one line `{"seq":1,"at":"<iso ms>","event":"...","data":{...},"prev":"<sha256 of the line before>"}` an event.
 * No line can be changed, removed or added later without breaking the chain. Rejects with TraceStorageError.
 */
export class EventLog {
  private seq = 0;
  private head = CHAIN_START;

  private constructor(
    private readonly file: HashedFile,
    private readonly clock: RunClock,
    private readonly masker: SecretMasker,
  ) {}

  static async create(folder: string, clock: RunClock, masker: SecretMasker): Promise<EventLog> {
    return new EventLog(await HashedFile.create(join(folder, EVENTS_FILE), EVENTS_FILE), clock, masker);
  }

  /** @param data masked; when it has more than EVENT_DATA_BYTES_MAX of JSON, only `{"left_out_bytes": n}` is kept */
  append(event: string, data?: JsonObject): Promise<void> {
    const line = JSON.stringify({
      seq: ++this.seq,
      at: this.clock.now().toISOString(),
      event: this.masker.mask(event),
      data: data && bounded(this.masker.maskJson(data)),
      prev: this.head,
    });
    this.head = createHash('sha256').update(line).digest('hex');
    return this.file.append(Buffer.from(`${line}\n`));
  }

  /** What manifest.json remembers of the chain, so that the last line is protected too. */
  get end(): ChainEnd {
    return { count: this.seq, head: this.head };
  }

  finish(): Promise<FileRecord> {
    return this.file.finish();
  }
}

function bounded(data: JsonObject): JsonObject {
  const size = Buffer.byteLength(JSON.stringify(data));
  return size > EVENT_DATA_BYTES_MAX ? { left_out_bytes: size } : data;
}
