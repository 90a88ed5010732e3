import type { ProcessFamily } from './process-family.js';
import { memoryOf } from './process-table.js';
import type { SampledLimits } from './run-limits.js';

const INTERVAL_MS = 300;
/** On a host with thousands of processes a look takes longer; looking never takes more than a twentieth of the time. */
const REST_PER_LOOK = 20;

/**
 * Enforces what the kernel cannot for a tree of processes: looks several times a second, and calls `exceeded` once when the
 * sum goes beyond a limit. Also remembers, for `family`, descendants that may soon be adopted by init.
 *
 * @returns stops it
 */
export function sampleLimits(
  family: ProcessFamily,
  limits: SampledLimits,
  exceeded: (limit: 'memory' | 'processes') => void,
): () => void {
  if (limits.memoryBytes === null && limits.processes === null) return () => {};
  let timer: NodeJS.Timeout;
  const look = (): void => {
    const started = performance.now();
    const limit = exceededLimit(family, limits);
    if (limit !== null) return exceeded(limit);
    timer = setTimeout(look, Math.max(INTERVAL_MS, (performance.now() - started) * REST_PER_LOOK));
  };
  timer = setTimeout(look, INTERVAL_MS);
  return () => clearTimeout(timer);
}

function exceededLimit(family: ProcessFamily, limits: SampledLimits): 'memory' | 'processes' | null {
  const payload = family.payload(family.members(false) ?? []);
  const total = (measure: (pid: number, threads: number) => number): number =>
    payload.reduce((sum, { pid, threads }) => sum + measure(pid, threads), 0);
  // Threads count, as for the kernel's own limit.
  if (limits.processes !== null && total((_, threads) => threads) > limits.processes) return 'processes';
  if (limits.memoryBytes !== null && total(memoryOf) > limits.memoryBytes) return 'memory';
  return null;
}
