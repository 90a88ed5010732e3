import { Injectable } from '@nestjs/common';
import { buffer } from 'node:stream/consumers';
import type { JsonObject } from '../../common/json.js';
import { TraceStore } from '../../traces/trace-store.js';

/** What the trace of a run shows: masked, as everything in a trace. */
export interface Evidence {
  log: string;
  logBytesRead: number;
  logBytes: number;
  /** What was run; null when the task has no command. */
  script: string | null;
}

const SCRIPT_CHARACTERS_MAX = 4_000;

@Injectable()
export class EvidenceReader {
  constructor(private readonly traces: TraceStore) {}

  /** @returns null when this process cannot see the trace */
  async read(tracePath: string, logTailBytes: number): Promise<Evidence | null> {
    const section = await this.traces.readLog(tracePath, { tailBytes: logTailBytes });
    if (section === undefined) return null;
    const bytes = await buffer(section.stream);
    return {
      // From the first whole line on, and without half a character.
      log: section.startBytes === 0 ? bytes.toString() : bytes.toString().replace(/^[^\n]*\n/, ''),
      logBytesRead: bytes.length,
      logBytes: section.sizeBytes,
      script: await this.script(tracePath),
    };
  }

  private async script(tracePath: string): Promise<string | null> {
    const file = await this.traces.readFile(tracePath, 'input.json');
    if (file === undefined) return null;
    const { payload } = JSON.parse((await buffer(file.stream)).toString()) as { payload?: JsonObject };
    const { script, command } = (payload ?? {}) as { script?: unknown; command?: unknown };
    const text = typeof script === 'string' ? script : Array.isArray(command) ? command.join(' ') : null;
    return text?.slice(0, SCRIPT_CHARACTERS_MAX).toWellFormed() ?? null;
  }
}
