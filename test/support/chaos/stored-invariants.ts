import { LOST_RUNS_MAX } from '../../../src/tasks/queue/lost-run.js';
import type { TaskRunEntity } from '../../../src/tasks/task-run.entity.js';
import { isTerminal } from '../../../src/tasks/task-status.js';
import type { TaskEntity } from '../../../src/tasks/task.entity.js';
import { endsTask, illegalTransitions, isExplicitRetry } from '../observed-transitions.js';
import { grouped } from './grouped.js';
import type { StoredRecord } from './stored-record.js';

/** What holds in the tables at every moment, whatever was done and whoever died: a list of what does not. */
export function storedViolations(record: StoredRecord): string[] {
  return [
    ...illegalTransitions(record.transitions),
    ...endings(record),
    ...record.tasks.flatMap((task) => [
      ...runsOfTask(task, record.runs.get(task.id) ?? []),
      ...attempts(task, record.runs.get(task.id) ?? []),
    ]),
    ...keyHolders(record),
    ...callbacks(record),
  ];
}

/** I2: a task ends once, and once more for each time that somebody had it run again. */
function endings({ tasks, transitions }: StoredRecord): string[] {
  const byTask = grouped(transitions, ({ task_id }) => task_id);
  return tasks.flatMap(({ id, status }) => {
    const seen = byTask.get(id) ?? [];
    const [ends, retries] = [seen.filter(endsTask).length, seen.filter(isExplicitRetry).length];
    const due = retries + (isTerminal(status) ? 1 : 0);
    return ends === due
      ? []
      : [`I2 task ${id} is ${status}, ended ${ends} times, and was retried ${retries}`];
  });
}

/** I3, I4: one row for each attempt that ended, none before the last has the task's end, and the last one has it. */
function runsOfTask(task: TaskEntity, runs: TaskRunEntity[]): string[] {
  const found: string[] = [];
  const ended = task.attempt - (task.status === 'running' ? 1 : 0);
  const numbers = runs.map(({ number }) => number).join();
  if (numbers !== Array.from({ length: ended }, (_, index) => index + 1).join())
    found.push(`I3 task ${task.id} has begun ${task.attempt} runs and is ${task.status}: rows ${numbers}`);
  if (runs.slice(0, -1).some(({ status }) => status === 'completed'))
    found.push(`I4 task ${task.id} went on after a run that completed`);
  if ((task.status === 'completed') !== (runs.at(-1)?.status === 'completed'))
    found.push(`I4 task ${task.id} is ${task.status}, its last run ${runs.at(-1)?.status}`);
  return found;
}

/** I7: no run more than allowed, beside those that were nobody's fault, and of the lost ones a bounded number. */
function attempts(task: TaskEntity, runs: TaskRunEntity[]): string[] {
  const found: string[] = [];
  const count = (status: string): number => runs.filter((run) => run.status === status).length;
  if (task.attempt > task.maxAttempts + task.excusedRuns)
    found.push(`I7 task ${task.id} has ${task.attempt} attempts of ${task.maxAttempts}`);
  if (task.excusedRuns !== count('lost') + count('released'))
    found.push(
      `I7 task ${task.id} excuses ${task.excusedRuns} runs of ${count('lost')} lost, ${count('released')} released`,
    );
  if (count('lost') >= LOST_RUNS_MAX) found.push(`I7 task ${task.id} lost ${count('lost')} runs`);
  return found;
}

/** One task of a key at a time, also in the past: by the clock of the database their runs do not overlap. */
function keyHolders({ tasks, runs }: StoredRecord): string[] {
  const keyed = tasks.filter(({ concurrencyKey }) => concurrencyKey !== null);
  return [...grouped(keyed, ({ concurrencyKey }) => concurrencyKey)].flatMap(([key, group]) => {
    const holders = group.filter(
      ({ status, hold }) => status === 'running' || (status === 'queued' && hold === null),
    );
    const held = group
      .flatMap(({ id }) => runs.get(id) ?? [])
      .sort(
        (a, b) =>
          a.startedAt.getTime() - b.startedAt.getTime() || a.finishedAt.getTime() - b.finishedAt.getTime(),
      );
    const overlap = held.find((run, index) => index > 0 && run.startedAt < held[index - 1].finishedAt);
    return [
      ...(holders.length > 1 ? [`Key ${key} is held by ${holders.map(({ id }) => id).join()}`] : []),
      ...(overlap ? [`Key ${key} was held twice when run ${overlap.id} began`] : []),
    ];
  });
}

/** I6: one message for each end of a task that asked for it. */
function callbacks({ tasks, callbacks, transitions }: StoredRecord): string[] {
  const ends = grouped(transitions.filter(endsTask), ({ task_id }) => task_id);
  return tasks.flatMap(({ id, callbackUrl }) => {
    const due = callbackUrl === null ? [] : (ends.get(id) ?? []).map((end) => `task.${end.new_status}`);
    const events = (callbacks.get(id) ?? []).map(({ event }) => event as string);
    return events.toSorted().join() === due.toSorted().join()
      ? []
      : [`I6 task ${id} should have said ${due.join()}, and has ${events.join()}`];
  });
}
