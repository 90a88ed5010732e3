import { Cron } from 'croner';

/** A cron expression in a time zone, as a sequence of points in time; it knows no present. */
export interface Ticks {
  /** Those in `(after, until]`, oldest first, at most `max`. */
  between: (after: Date, until: Date, max: number) => Date[];
  /** The newest `max` in `(after, until]`, oldest first. */
  newest: (after: Date, until: Date, max: number) => Date[];
  /** null when there is none: the 30th of February. */
  next: (after: Date) => Date | null;
}

export type ParsedCron = { ok: true; ticks: Ticks } | { ok: false; message: string };

/** Five fields: what runs every second is no schedule of a workflow. */
const FIVE_FIELDS = /^\S+(\s+\S+){4}$/;
const NICKNAME = /^@(yearly|annually|monthly|weekly|daily|hourly)$/;

/** Whether the time zone is one that this machine knows, by its IANA name. */
export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/**
 * Daylight saving: a time that the clocks jump over fires at the moment of the jump, once; one that they show twice fires
 * the first time only. What repeats within the hour (`*\/15`) goes on as time does.
 *
 * @param timeZone one that isTimeZone() knows
 */
export function parseCron(expression: string, timeZone: string): ParsedCron {
  const text = expression.trim();
  if (!FIVE_FIELDS.test(text) && !NICKNAME.test(text)) {
    return {
      ok: false,
      message: 'it needs five fields: minute, hour, day of the month, month, day of the week',
    };
  }
  try {
    const cron = new Cron(text, { timezone: timeZone, paused: true });
    return { ok: true, ticks: ticksOf(cron) };
  } catch (error) {
    return { ok: false, message: (error as Error).message.replace(/^CronPattern: /, '') };
  }
}

function ticksOf(cron: Cron): Ticks {
  const step = (
    next: (from: Date) => Date | null,
    from: Date,
    goesOn: (tick: Date) => boolean,
    max: number,
  ): Date[] => {
    const found: Date[] = [];
    for (let tick = next(from); tick !== null && goesOn(tick) && found.length < max; tick = next(tick)) {
      found.push(tick);
    }
    return found;
  };
  const after = (from: Date): Date | null => cron.nextRun(from);
  const before = (from: Date): Date | null => cron.previousRuns(1, from)[0] ?? null;
  return {
    between: (from, until, max) => step(after, from, (tick) => tick <= until, max),
    // From one second later, so that `until` itself is among those before it.
    newest: (from, until, max) =>
      step(before, new Date(until.getTime() + 1_000), (tick) => tick > from, max + 1)
        .filter((tick) => tick <= until)
        .slice(0, max)
        .reverse(),
    next: after,
  };
}
