import type { FileHandle } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { type OpenFile, section } from './safe-file.js';

/** Which part of a log: from an offset, the last bytes, the last lines; everything when empty. */
export type LogRange = { offsetBytes?: number } | { tailBytes: number } | { tailLines: number };

export interface LogSection {
  /** From `startBytes` to `sizeBytes`. Read it to its end or destroy it. */
  stream: Readable;
  /** Of the whole log at this moment: where the next read goes on. */
  sizeBytes: number;
  startBytes: number;
}

const BLOCK_BYTES = 65_536;

/** Closes the file when the stream ends. */
export async function readLogSection(file: OpenFile, range: LogRange): Promise<LogSection> {
  const { sizeBytes } = file;
  const startBytes = Math.max(0, Math.min(sizeBytes, await startOf(file, range)));
  return { stream: await section(file, startBytes), sizeBytes, startBytes };
}

async function startOf({ handle, sizeBytes }: OpenFile, range: LogRange): Promise<number> {
  if ('tailBytes' in range) return sizeBytes - range.tailBytes;
  if (!('tailLines' in range)) return range.offsetBytes ?? 0;
  try {
    return await startOfLastLines(handle, sizeBytes, range.tailLines);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Reads backwards in blocks; the newline that ends the log does not start a line. */
async function startOfLastLines(handle: FileHandle, sizeBytes: number, lines: number): Promise<number> {
  if (lines <= 0) return sizeBytes;
  const block = Buffer.alloc(Math.min(BLOCK_BYTES, sizeBytes));
  let missing = lines;
  for (let end = sizeBytes - 1; end > 0;) {
    const start = Math.max(0, end - block.length);
    const { bytesRead } = await handle.read(block, 0, end - start, start);
    for (
      let at = block.lastIndexOf('\n', bytesRead - 1);
      at !== -1;
      at = at === 0 ? -1 : block.lastIndexOf('\n', at - 1)
    ) {
      missing -= 1;
      if (missing === 0) return start + at + 1;
    }
    end = start;
  }
  return 0;
}
