import { LOST_ALONE_MAX } from '../../../src/tasks/queue/lost-run.js';
import type { TraceStore } from '../../../src/traces/trace-store.js';
import type { TaskRunEntity } from '../../../src/tasks/task-run.entity.js';
import type { TaskEntity } from '../../../src/tasks/task.entity.js';
import { processesOfAny } from '../task-processes.js';
import type { WebhookReceiver } from '../webhook-receiver.js';
import type { Clients } from './clients.js';
import type { Ledger } from './ledger.js';
import { grouped } from './grouped.js';
import type { StoredRecord } from './stored-record.js';
import type { Kind, WorkItem } from './work.js';

/** I1: what was acknowledged is there, under one id, and nothing else is. */
export function lostOrDoubled(
  items: readonly WorkItem[],
  clients: Clients,
  { tasks }: StoredRecord,
): string[] {
  const stored = new Map(tasks.map((task) => [task.idempotencyKey, task.id]));
  const wrong = items.flatMap(({ idempotencyKey }) => {
    const answered = [...(clients.acknowledged.get(idempotencyKey) ?? [])];
    return answered.length === 1 && answered[0] === stored.get(idempotencyKey)
      ? []
      : [
          `I1 ${idempotencyKey} was acknowledged as ${answered.join()}, stored is ${stored.get(idempotencyKey)}`,
        ];
  });
  if (tasks.length !== items.length)
    wrong.push(`I1 ${items.length} tasks were handed in, ${tasks.length} are stored`);
  return wrong;
}

/** I3 in the world: no run's command began twice or without a run, and what is called completed came to its end. */
export function untrueRuns(ledger: Ledger, { tasks, runs }: StoredRecord): string[] {
  const [begun, ended] = [ledger.count('begin'), ledger.count('end')];
  const rows = new Map([...runs.values()].flat().map((run) => [`${run.taskId} ${run.number}`, run]));
  const known = new Set(tasks.map(({ id }) => id));
  return [
    ...[...begun].filter(([, count]) => count > 1).map(([run]) => `I3 run ${run} began more than once`),
    ...[...begun.keys()]
      .filter((run) => known.has(run.slice(0, 36)) && !rows.has(run))
      .map((run) => `I3 run ${run} began and has no row`),
    ...[...rows]
      .filter(([run, { status }]) => status === 'completed' && !ended.has(run))
      .map(([run]) => `I3 run ${run} is called completed and never came to its end`),
  ];
}

const UNDISTURBED: Record<Kind, string> = {
  quick: 'completed',
  nap: 'completed',
  long: 'completed',
  leftover: 'completed',
  flaky: 'completed',
  failing: 'failed',
};

/** Each task ends as its script says, unless it was cancelled, expired, or cost too many workers. */
export function wrongEnds(items: readonly WorkItem[], clients: Clients, record: StoredRecord): string[] {
  const kinds = new Map(items.map(({ idempotencyKey, kind }) => [idempotencyKey, kind]));
  return record.tasks.flatMap((task) => {
    const runs = record.runs.get(task.id) ?? [];
    const problem =
      cancelledWrongly(task, clients) ?? endedWrongly(task, runs, kinds.get(task.idempotencyKey!)!);
    return problem === null ? [] : [`Task ${task.id} (${kinds.get(task.idempotencyKey!)}) ${problem}`];
  });
}

function endedWrongly(task: TaskEntity, runs: TaskRunEntity[], kind: Kind): string | null {
  const { status, failureReason: reason } = task;
  if (status === 'cancelled') return null;
  if (reason === 'expired') return task.expiresAt !== null && task.attempt === 0 ? null : 'expired wrongly';
  if (reason === 'worker_lost')
    return runs.filter((run) => run.failureReason === 'worker_lost').length >= LOST_ALONE_MAX
      ? null
      : 'was given up too early';
  const right = status === UNDISTURBED[kind] && (status !== 'failed' || reason === 'exit_code');
  return right ? null : `is ${status} (${reason}: ${task.error})`;
}

function cancelledWrongly(task: TaskEntity, clients: Clients): string | null {
  const asked = task.cancelRequestedAt;
  const answer = clients.cancels.get(task.id);
  if (task.status === 'cancelled' && !clients.cancelAsked.has(task.id))
    return 'is cancelled, and nobody asked';
  if (answer?.status === 200 && asked === null) return 'forgot that it was cancelled';
  if (answer?.state === 'cancelled' && task.status !== 'cancelled')
    return `was called cancelled, is ${task.status}`;
  if (answer?.status === 409 && task.status === 'cancelled') return 'was called ended, and is cancelled';
  return null;
}

/** I5: what was sealed is whole; what was not sealed says so; no folder without a run, none missing. */
export async function brokenTraces(traces: TraceStore, { runs }: StoredRecord): Promise<string[]> {
  const found: string[] = [];
  const rows = new Map([...runs.values()].flat().map((run) => [run.tracePath!, run]));
  for await (const { path } of traces.runFolders())
    if (!rows.has(path)) found.push(`I5 folder ${path} belongs to no run`);
  for (const [path, run] of rows) {
    const verified = await traces.verify(path, run.manifestSha256);
    const honest = verified.complete || verified.problems.every(({ code }) => code === 'incomplete');
    const mustBeWhole = run.manifestSha256 !== null || run.failureReason !== 'worker_lost';
    if (!honest || (verified.complete || mustBeWhole) !== verified.ok)
      found.push(`I5 ${path} (${run.status}): ${JSON.stringify(verified.problems)}`);
  }
  return found;
}

/** I6: every callback reached its receiver, each under one id and with one body. */
export function unheardCallbacks(receiver: WebhookReceiver, { callbacks }: StoredRecord): string[] {
  const heard = grouped(receiver.received, ({ id }) => id);
  const rows = [...callbacks.values()].flat();
  const known = new Set(rows.map(({ id }) => id));
  return [
    ...rows
      .filter(({ id, status }) => status !== 'delivered' || !heard.has(id))
      .map(
        ({ id, status, taskId }) =>
          `I6 callback ${id} of task ${taskId} is ${status}, heard ${heard.get(id)?.length ?? 0} times`,
      ),
    ...rows
      .filter(({ id, body }) => heard.get(id)?.some((webhook) => webhook.body !== body))
      .map(({ id }) => `I6 callback ${id} came with another body`),
    ...[...heard.keys()]
      .filter((id) => !known.has(id))
      .map((id) => `I6 somebody sent ${id}, which is not stored`),
  ];
}

/** I8: nothing that a task started lives on. */
export function leftProcesses({ tasks }: StoredRecord): string[] {
  const left = processesOfAny(new Set(tasks.map(({ id }) => id)));
  return left.map(({ taskId, command }) => `I8 task ${taskId} has left ${command}`);
}
