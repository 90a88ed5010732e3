import { Random } from './random.js';

/** What a task does, and how it ends when nobody and nothing interferes. */
export const KINDS = ['quick', 'nap', 'long', 'flaky', 'failing', 'leftover'] as const;
export type Kind = (typeof KINDS)[number];

const WEIGHTS: Record<Kind, number> = { quick: 50, nap: 25, long: 4, flaky: 10, failing: 7, leftover: 4 };

const KEYS = ['alpha', 'beta', 'gamma', 'delta', 'epsilon'];

export interface WorkItem {
  kind: Kind;
  idempotencyKey: string;
  /** When it is handed in, since the beginning. */
  atMs: number;
  /** How long after it was acknowledged somebody cancels it; null: nobody does. */
  cancelAfterMs: number | null;
  /** Made once, so that asking again is the same request. */
  body: () => object;
}

export interface WorkPlan {
  tasks: number;
  /** Within this time all are handed in. */
  withinMs: number;
  /** A file that scripts may append to. */
  ledger: string;
  callbackUrl: string;
}

/** The tasks of one run of chaos: fixed by the seed. */
export function workOf(seed: number, plan: WorkPlan): WorkItem[] {
  const random = new Random(seed ^ 0x5eed);
  return Array.from({ length: plan.tasks }, (_, index) => itemOf(seed, index, random, plan));
}

function itemOf(seed: number, index: number, random: Random, plan: WorkPlan): WorkItem {
  const kind = random.weighted<Kind>(WEIGHTS);
  const retries = { flaky: 3, failing: 1 }[kind as string];
  const later = random.chance(0.05) ? random.between(500, 3_000) : null;
  const expiry = random.chance(0.03) ? random.between(3_500, 6_000) : null;
  const atMs = (plan.withinMs * index) / plan.tasks;
  const cancelAfterMs = random.chance(0.1) ? random.between(0, 3_000) : null;
  const fixed = {
    type: random.pick(['test', 'build']),
    priority: random.pick(['low', 'medium', 'high', 'critical']),
    payload: { script: scriptOf(kind, random.between(0.2, 2), plan.ledger) },
    idempotency_key: `seed ${seed} task ${index}`,
    ...(random.chance(0.3) && { callback_url: plan.callbackUrl }),
  };
  const key = random.chance(0.2) ? random.pick(KEYS) : undefined;
  let body: object | undefined;
  const time = (afterMs: number | null): string | undefined =>
    afterMs === null ? undefined : new Date(Date.now() + afterMs).toISOString();
  return {
    kind,
    idempotencyKey: fixed.idempotency_key,
    atMs,
    cancelAfterMs,
    body: () =>
      (body ??= {
        ...fixed,
        options: {
          ...(retries !== undefined && { retries, retry_delay_seconds: 1 }),
          concurrency_key: key,
          run_at: time(later),
          expires_at: time(expiry),
        },
      }),
  };
}

function scriptOf(kind: Kind, seconds: number, ledger: string): string {
  const note = (word: string): string => `echo "${word} $JCT_TASK_ID $JCT_RUN" >> ${ledger}`;
  const work: Record<Kind, string> = {
    quick: 'true',
    nap: `sleep ${seconds.toFixed(1)}`,
    // Long enough to lose a worker, or its lease, in the middle.
    long: 'sleep 5',
    flaky: '[ "$JCT_RUN" -gt 1 ]',
    failing: 'exit 3',
    // What it leaves behind must not outlive it.
    leftover: 'sleep 600 & sleep 1',
  };
  return [note('begin'), work[kind], note('end')].join('\n');
}
