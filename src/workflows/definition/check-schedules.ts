import type { Violation } from '../../common/errors.js';
import { isTimeZone, parseCron } from '../schedules/ticks.js';
import { checkGiven } from './check-inputs.js';
import type { Definition, ScheduleSpec } from './definition.js';

/** A day that never comes, e.g. the 30th of February, is found by looking this far ahead of the beginning of Unix time. */
const EPOCH = new Date(0);

/** The schedules of a definition: times that there are, and inputs that a run can begin with. */
export function checkSchedules(definition: Definition): Violation[] {
  return definition.schedules.flatMap((schedule, index) => [
    ...checkTimes(schedule, `/schedules/${index}`),
    ...checkGiven(definition, schedule.inputs, `/schedules/${index}/inputs`),
    ...duplicate(definition.schedules, index),
  ]);
}

function checkTimes({ cron, time_zone }: ScheduleSpec, pointer: string): Violation[] {
  if (!isTimeZone(time_zone)) {
    const message = `there is no time zone "${time_zone.slice(0, 64)}"; names are like "Europe/Berlin"`;
    return [{ pointer: `${pointer}/time_zone`, code: 'BAD_TIME_ZONE', message }];
  }
  const parsed = parseCron(cron, time_zone);
  if (!parsed.ok) return [{ pointer: `${pointer}/cron`, code: 'BAD_CRON', message: parsed.message }];
  if (parsed.ticks.next(EPOCH) !== null) return [];
  return [{ pointer: `${pointer}/cron`, code: 'BAD_CRON', message: 'it never comes to pass' }];
}

function duplicate(schedules: readonly ScheduleSpec[], index: number): Violation[] {
  const { name } = schedules[index];
  const first = schedules.findIndex((other) => other.name === name);
  if (first === index || name === '') return [];
  const message = `schedule "${name}" is there twice, first as /schedules/${first}`;
  return [{ pointer: `/schedules/${index}/name`, code: 'DUPLICATE_SCHEDULE', message }];
}
