import type { MissedPolicy, OverlapPolicy } from '../definition/definition.js';
import type { Ticks } from './ticks.js';

export const OUTCOMES = ['fired', 'queued', 'skipped_missed', 'skipped_overlap', 'refused'] as const;
/** `queued`: its run waits for the end of the one before. `refused`: the run could not begin, see the reason. */
export type TickOutcome = (typeof OUTCOMES)[number];

export interface TickDecision {
  fireAt: Date;
  outcome: Exclude<TickOutcome, 'refused'>;
  reason: string;
}

export interface TickPolicy {
  missed: MissedPolicy;
  missedMax: number;
  overlap: OverlapPolicy;
}

/** A tick that is looked at later than this was missed: the tower slept, or was away. */
export const MISSED_AFTER_SECONDS = 60;

/** Of the ticks that were missed, so many get a record of their own; one more speaks for all that are older. */
const RECORDS_MAX = 100;

/**
 * What becomes of every tick in `(after, now]`: pure, one decision for each tick, the skipped ones included.
 *
 * @param unfinished whether a run of this schedule goes on
 */
export function decideTicks(
  ticks: Ticks,
  after: Date,
  now: Date,
  policy: TickPolicy,
  unfinished: boolean,
): TickDecision[] {
  const due = ticks.newest(after, now, RECORDS_MAX + 1);
  const known = due.length > RECORDS_MAX ? due.slice(1) : due;
  const chosen = chosenTicks(known, now, policy);
  let busy = unfinished;
  const decisions = known.map((fireAt): TickDecision => {
    if (!chosen.has(fireAt)) {
      return { fireAt, outcome: 'skipped_missed', reason: missedReason(policy, lateSeconds(fireAt, now)) };
    }
    const decision = overlapDecision(fireAt, policy.overlap, busy);
    busy ||= decision.outcome !== 'skipped_overlap';
    return decision;
  });
  if (due.length === known.length) return decisions;
  const reason = `This and every earlier tick since ${after.toISOString()} was missed; only the newest ${RECORDS_MAX} are looked at.`;
  return [{ fireAt: due[0], outcome: 'skipped_missed', reason }, ...decisions];
}

function chosenTicks(due: readonly Date[], now: Date, { missed, missedMax }: TickPolicy): Set<Date> {
  const inTime = due.filter((tick) => lateSeconds(tick, now) <= MISSED_AFTER_SECONDS);
  switch (missed) {
    case 'skip':
      return new Set(inTime);
    case 'run_once':
      // Those in time each count: a schedule of every minute may have two of them.
      return new Set(inTime.length > 0 ? inTime : due.slice(-1));
    case 'run_all':
      return new Set([...inTime, ...due.slice(-missedMax)]);
    default:
      return missed satisfies never;
  }
}

function overlapDecision(fireAt: Date, overlap: OverlapPolicy, busy: boolean): TickDecision {
  if (!busy || overlap === 'allow') return { fireAt, outcome: 'fired', reason: 'It was due.' };
  return overlap === 'queue'
    ? {
        fireAt,
        outcome: 'queued',
        reason: 'It was due; the run before it has not ended, so it waits for that.',
      }
    : { fireAt, outcome: 'skipped_overlap', reason: 'The run before it had not ended.' };
}

function missedReason({ missed, missedMax }: TickPolicy, late: number): string {
  const was = `It was missed: nobody looked until ${Math.round(late)} s later`;
  if (missed === 'skip') return `${was}, and missed ticks are skipped.`;
  return missed === 'run_once'
    ? `${was}, and of missed ticks the newest is run once.`
    : `${was}, and of missed ticks the newest ${missedMax} are run.`;
}

function lateSeconds(tick: Date, now: Date): number {
  return (now.getTime() - tick.getTime()) / 1_000;
}
