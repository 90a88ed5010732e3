import type { Ending } from './ending.js';

/** Lost runs after which a task that was alone in its worker is taken for what kills its workers. */
export const LOST_ALONE_MAX = 3;

/** Lost runs after which a task fails, whatever ran beside it. */
export const LOST_RUNS_MAX = 10;

/** Times the number of its lost runs: how far at most the next run of a task is put off. */
const APART_SECONDS = 10;

export interface LostRun {
  workerId: string;
  /** Runs of the task that were lost, this one included. */
  lostRuns: number;
  /** Whether the worker had other runs that it did not end: then each of them may be what killed it. */
  hadCompany: boolean;
}

/**
 * What becomes of a task whose worker died: it is queued again, unless it has cost so many workers that it must be the
 * cause. Tasks that are lost together again and again come back at random times, so that the cause soon runs alone.
 *
 * @param random from 0 to 1
 */
export function lostRunEnding({ workerId, lostRuns, hadCompany }: LostRun, random: () => number): Ending {
  const reason = 'worker_lost';
  const message = `Worker ${workerId} died or lost its database while it ran the task.`;
  if (lostRuns >= (hadCompany ? LOST_RUNS_MAX : LOST_ALONE_MAX)) {
    const last = `This was the ${lostRuns}. time; it is not tried again.`;
    return { status: 'given_up', failure: { reason, message: `${message} ${last}` } };
  }
  if (!hadCompany || lostRuns === 1) return { status: 'lost', failure: { reason, message } };
  const apart = 'Others were lost with it, so it is tried again at another time than they.';
  return {
    status: 'lost',
    failure: { reason, message: `${message} ${apart}` },
    delaySeconds: APART_SECONDS * lostRuns * random(),
  };
}
