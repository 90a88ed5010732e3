import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decideTicks, type TickPolicy } from './decide-ticks.js';
import { isTimeZone, parseCron, type Ticks } from './ticks.js';

const ticksOf = (cron: string, timeZone = 'UTC'): Ticks => {
  const parsed = parseCron(cron, timeZone);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.ticks;
};
const at = (text: string): Date => new Date(text);
const policy = (changes: Partial<TickPolicy> = {}): TickPolicy => ({
  missed: 'run_once',
  missedMax: 10,
  overlap: 'allow',
  ...changes,
});

/** What becomes of the ticks between two times, as `time outcome`. */
function decided(
  cron: string,
  after: string,
  now: string,
  changes: Partial<TickPolicy> = {},
  busy = false,
): string[] {
  return decideTicks(ticksOf(cron), at(after), at(now), policy(changes), busy).map(
    ({ fireAt, outcome }) => `${fireAt.toISOString().slice(11, 16)} ${outcome}`,
  );
}

/** Every tick that fires of a schedule that is looked at each minute of a whole day of its time zone. */
function firedOverDay(cron: string, timeZone: string, from: string, hours = 23): string[] {
  const ticks = ticksOf(cron, timeZone);
  const fired: string[] = [];
  let decidedUntil = at(from);
  for (let minute = 1; minute <= hours * 60; minute += 1) {
    const now = new Date(at(from).getTime() + minute * 60_000);
    for (const { fireAt, outcome } of decideTicks(
      ticks,
      decidedUntil,
      now,
      policy({ missed: 'skip' }),
      false,
    )) {
      if (outcome === 'fired') fired.push(fireAt.toISOString());
    }
    decidedUntil = now;
  }
  return fired;
}

describe('ticks', () => {
  it('F37 fire once on the day that the clocks go forward, at the moment of the jump where their time is jumped over', () => {
    // In Berlin 02:00 becomes 03:00 on 29 March 2026.
    expect(firedOverDay('30 2 * * *', 'Europe/Berlin', '2026-03-28T23:00:00Z')).toEqual([
      '2026-03-29T01:00:00.000Z',
    ]);
    expect(firedOverDay('30 3 * * *', 'Europe/Berlin', '2026-03-28T23:00:00Z')).toEqual([
      '2026-03-29T01:30:00.000Z',
    ]);
  });

  it('F37 fire once on the day that the clocks go back, though their time is shown twice', () => {
    // In Berlin 03:00 becomes 02:00 on 25 October 2026.
    expect(firedOverDay('30 2 * * *', 'Europe/Berlin', '2026-10-24T22:00:00Z')).toEqual([
      '2026-10-25T00:30:00.000Z',
    ]);
    expect(firedOverDay('30 1 * * *', 'America/New_York', '2026-11-01T04:00:00Z')).toEqual([
      '2026-11-01T05:30:00.000Z',
    ]);
  });

  it('F37 of every quarter of an hour go on through both changes without a gap and without a double', () => {
    for (const from of ['2026-03-28T23:00:00Z', '2026-10-24T22:00:00Z']) {
      const fired = firedOverDay('*/15 * * * *', 'Europe/Berlin', from, 6).map((time) => Date.parse(time));
      expect(fired).toHaveLength(24);
      expect(fired.every((time, index) => index === 0 || time - fired[index - 1] === 900_000)).toBe(true);
    }
  });

  it('F37 of a leap day come in leap years only', () => {
    const { between } = ticksOf('0 0 29 2 *');
    const days = between(at('2026-01-01T00:00:00Z'), at('2040-01-01T00:00:00Z'), 10).map((tick) =>
      tick.toISOString(),
    );
    expect(days).toEqual(['2028', '2032', '2036'].map((year) => `${year}-02-29T00:00:00.000Z`));
    // 1900 and 2100 are none.
    expect(
      between(at('2096-03-01T00:00:00Z'), at('2105-01-01T00:00:00Z'), 10).map((tick) =>
        tick.getUTCFullYear(),
      ),
    ).toEqual([2104]);
  });

  it('are the same forwards and backwards', () => {
    const crons = fc.constantFrom(
      '*/7 * * * *',
      '30 2 * * *',
      '0 0 1 * *',
      '15 */6 * * 1-5',
      '59 23 31 12 *',
    );
    const zones = fc.constantFrom(
      'UTC',
      'Europe/Berlin',
      'America/New_York',
      'Australia/Lord_Howe',
      'Asia/Kathmandu',
    );
    const times = fc.date({
      min: at('2020-01-01T00:00:00Z'),
      max: at('2035-01-01T00:00:00Z'),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(crons, zones, times, fc.integer({ min: 0, max: 200_000 }), (cron, zone, from, seconds) => {
        const ticks = ticksOf(cron, zone);
        const until = new Date(from.getTime() + seconds * 1_000);
        const forward = ticks.between(from, until, 10_000);
        expect(ticks.newest(from, until, 10_000)).toEqual(forward);
        expect(ticks.newest(from, until, 3)).toEqual(forward.slice(-3));
      }),
      { numRuns: 60 },
    );
  });

  it('have not come a moment before their time', () => {
    const ticks = ticksOf('* * * * *');
    const [after, until] = [at('2026-01-01T00:00:30Z'), at('2026-01-01T00:01:59.500Z')];
    expect(ticks.newest(after, until, 5)).toEqual([at('2026-01-01T00:01:00Z')]);
    expect(ticks.newest(after, at('2026-01-01T00:02:00Z'), 5)).toHaveLength(2);
  });

  it('are refused where the expression, or the time zone, is none', () => {
    for (const cron of [
      '',
      '* * * *',
      '* * * * * *',
      '60 * * * *',
      'daily',
      '* * * * * * *',
      '0 0 * * mon-xyz',
    ]) {
      expect(parseCron(cron, 'UTC')).toMatchObject({ ok: false, message: expect.stringMatching(/./) });
    }
    expect(parseCron('@daily', 'UTC').ok && parseCron('0 9 * * MON', 'UTC').ok).toBe(true);
    expect([isTimeZone('Europe/Berlin'), isTimeZone('Mars/Olympus'), isTimeZone('')]).toEqual([
      true,
      false,
      false,
    ]);
  });
});

describe('decideTicks', () => {
  it('fires what is due in time', () => {
    expect(decided('*/10 * * * *', '2026-01-01T00:05:00Z', '2026-01-01T00:10:01Z')).toEqual(['00:10 fired']);
    expect(decided('*/10 * * * *', '2026-01-01T00:05:00Z', '2026-01-01T00:09:59Z')).toEqual([]);
  });

  it('F37 after a sleep skips what was missed, runs the newest once, or runs all that may be made up for', () => {
    const night = ['2026-01-01T00:00:00Z', '2026-01-01T05:30:00Z'] as const;
    expect(decided('0 * * * *', ...night, { missed: 'skip' })).toEqual(
      ['01:00', '02:00', '03:00', '04:00', '05:00'].map((time) => `${time} skipped_missed`),
    );
    expect(decided('0 * * * *', ...night, { missed: 'run_once' })).toEqual([
      ...['01:00', '02:00', '03:00', '04:00'].map((time) => `${time} skipped_missed`),
      '05:00 fired',
    ]);
    expect(decided('0 * * * *', ...night, { missed: 'run_all', missedMax: 2 })).toEqual([
      ...['01:00', '02:00', '03:00'].map((time) => `${time} skipped_missed`),
      '04:00 fired',
      '05:00 fired',
    ]);
  });

  it('runs what is due in time, and nothing of what was missed before it besides', () => {
    expect(
      decided('0 * * * *', '2026-01-01T00:00:00Z', '2026-01-01T03:00:10Z', { missed: 'run_once' }),
    ).toEqual(['01:00 skipped_missed', '02:00 skipped_missed', '03:00 fired']);
  });

  it('skips, queues or allows a tick while the run before it goes on', () => {
    const hour = ['2026-01-01T00:30:00Z', '2026-01-01T01:00:05Z'] as const;
    expect(decided('0 * * * *', ...hour, { overlap: 'skip' }, true)).toEqual(['01:00 skipped_overlap']);
    expect(decided('0 * * * *', ...hour, { overlap: 'queue' }, true)).toEqual(['01:00 queued']);
    expect(decided('0 * * * *', ...hour, { overlap: 'allow' }, true)).toEqual(['01:00 fired']);
    expect(
      decided('0 * * * *', '2026-01-01T00:00:00Z', '2026-01-01T02:30:00Z', {
        missed: 'run_all',
        overlap: 'skip',
      }),
    ).toEqual(['01:00 fired', '02:00 skipped_overlap']);
  });

  it('gives each tick one decision and a reason, and stays small after a year of sleep', () => {
    const year = decideTicks(
      ticksOf('* * * * *'),
      at('2025-01-01T00:00:00Z'),
      at('2026-01-01T00:00:00Z'),
      policy(),
      false,
    );
    expect(year).toHaveLength(101);
    expect(new Set(year.map(({ fireAt }) => fireAt.getTime())).size).toBe(101);
    expect(year.every(({ reason }) => reason.length > 10)).toBe(true);
    expect(year[0].reason).toContain('every earlier tick since 2025-01-01');
    expect(year.filter(({ outcome }) => outcome === 'fired')).toHaveLength(2);
  });

  it('decides nothing twice, whenever it is looked', () => {
    const looks = fc.array(fc.integer({ min: 1, max: 20_000 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(looks, (pauses) => {
        const ticks = ticksOf('*/5 * * * *');
        let until = at('2026-01-01T00:00:00Z');
        const seen: number[] = [];
        for (const pause of pauses) {
          const now = new Date(until.getTime() + pause * 1_000);
          for (const { fireAt } of decideTicks(ticks, until, now, policy(), false))
            seen.push(fireAt.getTime());
          until = now;
        }
        expect(new Set(seen).size).toBe(seen.length);
        expect(seen).toEqual(
          ticks.between(at('2026-01-01T00:00:00Z'), until, 100_000).map((tick) => tick.getTime()),
        );
      }),
      { numRuns: 50 },
    );
  });
});
