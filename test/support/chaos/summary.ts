import type { Clients } from './clients.js';
import type { Crew } from './crew.js';
import type { Faults } from './faults.js';
import type { StoredRecord } from './stored-record.js';

/** A run of chaos in a few lines, for whoever reads the output. */
export function summaryOf(
  title: string,
  seconds: number,
  { crew, faults, clients, record }: { crew: Crew; faults: Faults; clients: Clients; record: StoredRecord },
): string {
  const runs = [...record.runs.values()].flat();
  const count = (status: string): number => runs.filter((run) => run.status === status).length;
  const ends = (status: string): number => record.tasks.filter((task) => task.status === status).length;
  const late = runs.filter(({ lateResult }) => lateResult !== null).length;
  const hit = [...faults.counts].filter(([, times]) => times > 0).map(([name, times]) => `${name} ${times}`);
  const { noticed, again } = waitsAfterKills(crew, record);
  return [
    `${title}: ${hit.join(', ')}`,
    `  ${record.tasks.length} tasks: ${ends('completed')} completed, ${ends('failed')} failed, ${ends('cancelled')} cancelled; ` +
      `${runs.length} runs: ${count('lost')} lost, ${count('released')} released, ${late} late results; ` +
      `${clients.unanswered} requests unanswered`,
    `  from a kill until it was noticed at most ${noticed.toFixed(1)} s, until the next run (behind others in the queue) ` +
      `${again.toFixed(1)} s; ${seconds.toFixed(0)} s in all`,
  ].join('\n');
}

/** From the SIGKILL of a worker until the runs that it took with it were ended, and until their tasks began again. */
function waitsAfterKills({ kills }: Crew, { runs }: StoredRecord): { noticed: number; again: number } {
  const waits = { noticed: 0, again: 0 };
  for (const ofTask of runs.values()) {
    for (const [index, run] of ofTask.entries()) {
      const kill = kills.find(({ pid }) => run.workerId.includes(`:${pid}:`));
      if (run.failureReason !== 'worker_lost' || run.status === 'released' || kill === undefined) continue;
      const since = (time: Date | undefined): number => ((time?.getTime() ?? 0) - kill.at) / 1_000;
      waits.noticed = Math.max(waits.noticed, since(run.finishedAt));
      waits.again = Math.max(waits.again, since(ofTask[index + 1]?.startedAt));
    }
  }
  return waits;
}
