import { setTimeout as delay } from 'node:timers/promises';
import type { JsonObject } from '../../common/json.js';
import { ProcessFamily } from './process-family.js';
import type { ProcessStop } from './process-spec.js';

/** Time for a command to tidy up after SIGTERM. */
const TERM_GRACE_MS = 5_000;
/** After the command's end: time for `tee` in a process substitution to write its last lines. */
const LEFTOVER_GRACE_MS = 500;
/** SIGKILL works at once, except on processes that wait for a dead disk: those are reported. */
const KILL_PATIENCE_MS = 5_000;
const POLL_MS = 20;

/**
 * SIGTERM to every process of the run, SIGKILL to what is left after the grace, then proof that none is left. What broke a
 * limit gets no grace: a fork bomb would fill the host in 5 s.
 */
export async function stopFamily(
  family: ProcessFamily,
  exited: Promise<unknown>,
  reason: ProcessStop,
): Promise<JsonObject> {
  const proof = new KillProof(reason);
  const brokeLimit = reason === 'memory' || reason === 'processes';
  const inTime = !brokeLimit && (await terminated(family, exited, proof));
  await killAll(family, proof, inTime ? LEFTOVER_GRACE_MS : 0);
  return proof.toJson();
}

/** After a command ended by itself: what it left behind does not outlive it. null: it left nothing to kill. */
export async function reapLeftovers(family: ProcessFamily): Promise<JsonObject | null> {
  const proof = new KillProof('leftovers');
  await killAll(family, proof, LEFTOVER_GRACE_MS);
  return proof.isEmpty ? null : proof.toJson();
}

/** Kills whatever bears the mark, and its descendants. @returns how many were found */
export async function killMarked(isMarked: (pid: number) => boolean): Promise<number> {
  const family = new ProcessFamily({ root: null, isMarked, ownUid: null, wrapped: false });
  const found = family.members(true)?.length ?? 0;
  if (found > 0) await killAll(family, new KillProof('sweep'), 0);
  return found;
}

/** @returns whether the command ended within the grace */
async function terminated(
  family: ProcessFamily,
  exited: Promise<unknown>,
  proof: KillProof,
): Promise<boolean> {
  const ended = exited.then(() => true);
  const deadline = performance.now() + TERM_GRACE_MS;
  // bwrap may still be building the sandbox: then nobody is there yet who could hear it.
  while (!terminate(family, proof) && performance.now() < deadline) {
    if (await Promise.race([ended, delay(POLL_MS, false)])) return true;
  }
  return Promise.race([ended, delay(Math.max(0, deadline - performance.now()), false, { ref: false })]);
}

function terminate(family: ProcessFamily, proof: KillProof): boolean {
  const members = family.members(true);
  if (members === null) family.terminateGroup();
  const count = members === null ? 1 : family.signal(family.payload(members), 'SIGTERM');
  if (count > 0) proof.record('SIGTERM', count);
  return count > 0;
}

/** Looks until nobody is left; kills from `graceMs` on. Again and again, because a process may fork while it is looked for. */
async function killAll(family: ProcessFamily, proof: KillProof, graceMs: number): Promise<void> {
  const started = performance.now();
  for (;;) {
    const members = family.members(true);
    proof.surviving = members?.length ?? null;
    const elapsed = performance.now() - started;
    if (members?.length === 0 || elapsed > graceMs + KILL_PATIENCE_MS) return;
    if (members === null || elapsed >= graceMs) {
      family.killGroups(members ?? []);
      proof.record('SIGKILL', members === null ? 1 : family.signal(members, 'SIGKILL'));
      if (members === null) return;
    }
    await delay(POLL_MS);
  }
}

class KillProof {
  /** null: cannot be counted on this system. */
  surviving: number | null = null;
  private readonly started = performance.now();
  private readonly signals: { signal: string; after_ms: number; processes: number }[] = [];

  constructor(private readonly reason: string) {}

  get isEmpty(): boolean {
    return this.signals.length === 0;
  }

  /** Repetitions of a signal count as one; `processes` is then the most that it was sent to at once. */
  record(signal: NodeJS.Signals, processes: number): void {
    const last = this.signals.at(-1);
    if (last?.signal === signal) last.processes = Math.max(last.processes, processes);
    else this.signals.push({ signal, after_ms: this.elapsedMs(), processes });
  }

  toJson(): JsonObject {
    return {
      reason: this.reason,
      signals: this.signals,
      surviving_processes: this.surviving,
      took_ms: this.elapsedMs(),
    };
  }

  private elapsedMs(): number {
    return Math.round(performance.now() - this.started);
  }
}
