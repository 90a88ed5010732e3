import { Random } from './random.js';

export const FAULTS = [
  'kill worker',
  'freeze worker',
  'stop worker',
  'kill api',
  'freeze api',
  'stop api',
  'cut connections',
  'crash database',
] as const;
export type FaultName = (typeof FAULTS)[number];

export interface Fault {
  /** Since the beginning. */
  atMs: number;
  name: FaultName;
  /** Which of those that can be hit: 0 the first, 1 behind the last. */
  share: number;
  /** How long something is frozen or away. */
  forMs: number;
}

export interface SchedulePlan {
  forMs: number;
  /** On average. */
  everyMs: number;
  /** What is frozen stays so for longer than this. */
  leaseMs: number;
  /** Whether the database is a server that things can happen to. */
  database: boolean;
}

const PROCESSES: Partial<Record<FaultName, number>> = {
  'kill worker': 28,
  'freeze worker': 15,
  'stop worker': 14,
  'kill api': 7,
  'freeze api': 3,
  'stop api': 6,
};
const DATABASE: Partial<Record<FaultName, number>> = { 'cut connections': 22, 'crash database': 5 };

/** What goes wrong, and when: fixed by the seed alone. What it hits depends on the machine. */
export function scheduleOf(seed: number, plan: SchedulePlan): Fault[] {
  const random = new Random(seed);
  const weights = plan.database ? { ...PROCESSES, ...DATABASE } : PROCESSES;
  const faults: Fault[] = [];
  for (let atMs = plan.everyMs; atMs < plan.forMs; atMs += random.between(0.3, 1.7) * plan.everyMs) {
    const name = random.weighted<FaultName>(weights);
    const [share, length] = [random.next(), random.next()];
    const forMs = name === 'crash database' ? 500 + 3_000 * length : plan.leaseMs * (1.1 + 0.5 * length);
    faults.push({ atMs, name, share, forMs });
  }
  return faults;
}
