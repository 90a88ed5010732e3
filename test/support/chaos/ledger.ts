import { chmodSync, readFileSync, writeFileSync } from 'node:fs';

/** What really happened in the world: each run appends a line when its command begins, and one when it ends. */
export class Ledger {
  constructor(readonly path: string) {
    writeFileSync(path, '');
    // Commands may run as somebody else.
    chmodSync(path, 0o666);
  }

  /** How often each run has begun, or ended: by `<task id> <run number>`. */
  count(word: 'begin' | 'end'): Map<string, number> {
    const counts = new Map<string, number>();
    for (const line of readFileSync(this.path, 'utf8').split('\n')) {
      const run = line.startsWith(`${word} `) ? line.slice(word.length + 1) : null;
      if (run !== null) counts.set(run, (counts.get(run) ?? 0) + 1);
    }
    return counts;
  }
}
