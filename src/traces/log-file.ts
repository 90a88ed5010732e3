import { join } from 'node:path';
import { type FileRecord, HashedFile } from './hashed-file.js';
import { LogLines } from './log-lines.js';
import type { RunClock } from './run-clock.js';
import type { SecretMasker } from './secret-masker.js';
import { TailBuffer } from './tail-buffer.js';

export const LOG_FILE = 'log.txt';

/** The end of a log tells why a run failed: so much of it is kept beyond the limit. */
export const LOG_TAIL_BYTES = 65_536;

/** A prompt without a newline becomes visible after this. */
const IDLE_MS = 200;

const NEWLINE = 0x0a;

export interface LogOptions {
  folder: string;
  clock: RunClock;
  masker: SecretMasker;
  /** Beyond this the log keeps draining, counts what it leaves out and keeps the last LOG_TAIL_BYTES. */
  bytesMax: number;
  /** Told the size of the file whenever it has grown. Must not throw. */
  onGrowth: (sizeBytes: number) => void;
}

/**
 * log.txt: every line masked, with time and writer, in the order of arrival. Memory stays flat and the file stays below
 * bytesMax + LOG_TAIL_BYTES + one marker line, however much is written. Every method rejects with TraceStorageError.
 */
export class LogFile {
  private readonly lines: LogLines;
  private readonly masked;
  private idle: NodeJS.Timeout | undefined;
  private accepted = 0;
  /** Exists from the moment when the limit is reached. */
  private tail: TailBuffer | undefined;

  private constructor(
    private readonly file: HashedFile,
    private readonly options: LogOptions,
  ) {
    this.lines = new LogLines(options.clock);
    this.masked = { out: options.masker.stream(), err: options.masker.stream() };
  }

  static async create(options: LogOptions): Promise<LogFile> {
    return new LogFile(await HashedFile.create(join(options.folder, LOG_FILE), LOG_FILE), options);
  }

  /** Resolves when the bytes are stored, counted as left out, or held back by the masker. */
  async output(stream: 'stdout' | 'stderr', chunk: Buffer): Promise<void> {
    const writer = stream === 'stdout' ? 'out' : 'err';
    await this.store(this.lines.write(writer, this.masked[writer].push(chunk).toString('latin1')));
    if (this.lines.hasOpenPiece) this.watchIdle();
  }

  async note(text: string): Promise<void> {
    const masked = Buffer.from(this.options.masker.mask(text)).toString('latin1');
    await this.store(this.lines.write('jct', `${masked.replace(/\r?\n|\r/g, '\n')}\n`));
  }

  /** Writes what is still open and the kept tail, flushes to the disk and closes, also when that fails. */
  async finish(): Promise<FileRecord> {
    clearTimeout(this.idle);
    const { out, err } = this.masked;
    const rest = [
      this.lines.write('out', out.flush().toString('latin1')),
      this.lines.write('err', err.flush().toString('latin1')),
      this.lines.breakOff(),
    ];
    // A failed write is remembered by the file: finish() below closes it and rejects with that failure.
    await this.store(rest.join('')).catch(() => undefined);
    await this.storeTail().catch(() => undefined);
    return this.file.finish();
  }

  private watchIdle(): void {
    const breakOff = (): void => {
      // Nobody waits here; a failed write is remembered by the file and rejects the next call.
      this.store(this.lines.breakOff()).catch(() => undefined);
    };
    this.idle ??= setTimeout(breakOff, IDLE_MS).unref();
    this.idle.refresh();
  }

  private async store(lines: string): Promise<void> {
    const bytes = Buffer.from(lines, 'latin1');
    const kept = this.tail ? 0 : wholeLines(bytes, this.options.bytesMax - this.accepted);
    this.accepted += kept;
    if (kept < bytes.length) {
      this.tail ??= new TailBuffer(LOG_TAIL_BYTES);
      this.tail.push(bytes.subarray(kept));
    }
    await this.append(bytes.subarray(0, kept));
  }

  private async storeTail(): Promise<void> {
    if (!this.tail) return;
    const bytes = this.tail.bytes();
    const isCut = this.tail.pushedBytes > bytes.length;
    const kept = isCut ? bytes.subarray(bytes.indexOf(NEWLINE) + 1) : bytes;
    const { clock, bytesMax } = this.options;
    const leftOut = this.tail.pushedBytes - kept.length;
    const marker = `[${clock.elapsed()}] jct: ${leftOut} bytes were left out here (limit ${bytesMax})\n`;
    await this.append(isCut ? Buffer.concat([Buffer.from(marker), kept]) : kept);
  }

  private async append(bytes: Buffer): Promise<void> {
    if (bytes.length === 0) return;
    await this.file.append(bytes);
    this.options.onGrowth(this.file.sizeBytes);
  }
}

/** Length of the whole lines at the start of `bytes` that fit into `room`. */
function wholeLines(bytes: Buffer, room: number): number {
  if (bytes.length <= room) return bytes.length;
  return bytes.subarray(0, Math.max(0, room)).lastIndexOf(NEWLINE) + 1;
}
