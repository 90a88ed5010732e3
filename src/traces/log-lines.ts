import type { RunClock } from './run-clock.js';

/** Who a line comes from: the command's stdout, its stderr, the tower itself. */
export type LogTag = 'out' | 'err' | 'jct';

/** A longer line is cut into pieces, so that no program can make the tower hold a line of any length in memory. */
const PIECE_CHARS_MAX = 16_384;

/**
 * Turns the bytes of several writers (as latin1 strings) into whole lines `[   1.234] out: text`. A piece of a line that had to
 * be given out before its newline came ends there, and the next piece of that line says `out+` in place of `out:`.
 */
export class LogLines {
  private piece = '';
  private writer: LogTag = 'out';
  private readonly continued = new Set<LogTag>();

  constructor(private readonly clock: RunClock) {}

  get hasOpenPiece(): boolean {
    return this.piece !== '';
  }

  /** @returns the lines that became complete, and the piece of another writer that is interrupted */
  write(writer: LogTag, text: string): string {
    if (text === '') return '';
    const stamp = this.clock.elapsed();
    let lines = writer === this.writer ? '' : this.breakOff(stamp);
    this.writer = writer;
    for (let start = 0; ;) {
      const newline = text.indexOf('\n', start);
      const end = newline === -1 ? text.length : newline;
      for (let room = PIECE_CHARS_MAX - this.piece.length; end - start > room; room = PIECE_CHARS_MAX) {
        this.piece += text.slice(start, start + room);
        start += room;
        lines += this.breakOff(stamp);
      }
      this.piece += text.slice(start, end);
      if (newline === -1) return lines;
      lines += this.line(stamp);
      this.continued.delete(writer);
      start = newline + 1;
    }
  }

  /** Gives out the open piece although its line is not complete; empty when there is none. */
  breakOff(stamp = this.clock.elapsed()): string {
    if (!this.hasOpenPiece) return '';
    const line = this.line(stamp);
    this.continued.add(this.writer);
    return line;
  }

  private line(stamp: string): string {
    const line = `[${stamp}] ${this.writer}${this.continued.has(this.writer) ? '+' : ':'} ${this.piece}\n`;
    this.piece = '';
    return line;
  }
}
