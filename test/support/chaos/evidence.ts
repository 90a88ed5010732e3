import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Crew } from './crew.js';
import type { Ledger } from './ledger.js';
import type { StoredRecord } from './stored-record.js';

/** The logs of all processes and the rows, in a folder that stays. */
export function keepEvidence(
  crew: Crew,
  { tasks, runs, callbacks, transitions }: StoredRecord,
  ledger: Ledger,
): string {
  const folder = mkdtempSync(join(tmpdir(), 'jct-chaos-evidence-'));
  for (const { pid, log } of crew.towers) writeFileSync(join(folder, `${pid}.log`), log);
  const rows = {
    tasks,
    runs: [...runs.values()].flat(),
    callbacks: [...callbacks.values()].flat(),
    transitions,
  };
  for (const [name, content] of Object.entries(rows))
    writeFileSync(join(folder, `${name}.jsonl`), content.map((row) => `${JSON.stringify(row)}\n`).join(''));
  writeFileSync(
    join(folder, 'ledger'),
    [...ledger.count('begin').keys(), '--', ...ledger.count('end').keys()].join('\n'),
  );
  return folder;
}
