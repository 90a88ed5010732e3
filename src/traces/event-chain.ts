import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';

/** What the first line carries as the hash of the line before. */
export const CHAIN_START = '0'.repeat(64);

export interface ChainEnd {
  /** Lines in all. */
  count: number;
  /** SHA-256 of the last line, without its newline. */
  head: string;
}

export interface ChainFault {
  /** From 1. */
  line: number;
  message: string;
}

/**
 * Walks the hash chain of an events.jsonl and names the lines that are not what was written. A changed line is seen in
 * the line after it; one that was given a false `prev` breaks on both sides, which tells the two apart.
 *
 * @param end what the manifest says of the last line; without it (the worker died) a torn last line is no fault
 */
export async function* chainFaults(stream: Readable, end: ChainEnd | undefined): AsyncGenerator<ChainFault> {
  let line = 0;
  let hash = CHAIN_START;
  /** The line before is already known to be faulty, so it explains a broken link. */
  let isExplained = false;
  /** The link between the line before and the one before that is broken, and it is open which of the two is to blame. */
  let isOpen = false;
  for await (const { bytes, isTorn } of linesOf(stream)) {
    if (isTorn && !end) break;
    const prev = prevOf(bytes);
    const isLinked = prev === hash;
    if (isOpen) yield isLinked || prev === undefined ? changed(line - 1) : changed(line);
    isExplained ||= isOpen && !isLinked;
    isOpen = false;
    line += 1;
    if (prev === undefined) yield { line, message: `Line ${line} is not an event.` };
    else if (!isLinked && line === 1)
      yield { line, message: 'Line 1 is not the first event that was written.' };
    else if (!isLinked && !isExplained) isOpen = true;
    isExplained = prev === undefined || (!isLinked && line === 1);
    hash = createHash('sha256').update(bytes).digest('hex');
  }
  const isEnd = !end || end.head === hash;
  if (isOpen) yield changed(isEnd ? line - 1 : line);
  else if (!isEnd && !isExplained)
    yield { line, message: `Line ${line} is not the last of ${end.count} events that were written.` };
}

function changed(line: number): ChainFault {
  return {
    line,
    message: `Line ${line} was changed, or a line next to it was removed or added: its hash breaks the chain.`,
  };
}

/** The hash that a line carries; undefined when it is not an event. */
function prevOf(bytes: Buffer): string | undefined {
  try {
    const event: unknown = JSON.parse(bytes.toString());
    const prev = typeof event === 'object' && event !== null && 'prev' in event ? event.prev : undefined;
    return typeof prev === 'string' ? prev : undefined;
  } catch {
    return undefined;
  }
}

/** Splits at `\n` only (readline also splits at U+2028, which JSON leaves as it is). */
async function* linesOf(stream: Readable): AsyncGenerator<{ bytes: Buffer; isTorn: boolean }> {
  let open: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    let start = 0;
    for (let newline = chunk.indexOf(0x0a); newline !== -1; newline = chunk.indexOf(0x0a, start)) {
      yield { bytes: Buffer.concat([...open, chunk.subarray(start, newline)]), isTorn: false };
      open = [];
      start = newline + 1;
    }
    if (start < chunk.length) open.push(chunk.subarray(start));
  }
  if (open.length > 0) yield { bytes: Buffer.concat(open), isTorn: true };
}
