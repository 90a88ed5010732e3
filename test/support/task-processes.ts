import { readdirSync, readFileSync } from 'node:fs';

/** Command lines of the living processes that bear the mark of this task: an own look at /proc, apart from the code under test. */
export function processesOf(taskId: string): string[] {
  return processesOfAny(new Set([taskId])).map(({ command }) => command);
}

/** As processesOf(), of many tasks in one look. */
export function processesOfAny(taskIds: ReadonlySet<string>): { taskId: string; command: string }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const environment = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
        const taskId = environment.find((each) => each.startsWith(MARK))?.slice(MARK.length);
        if (taskId === undefined || !taskIds.has(taskId)) return [];
        return [
          { taskId, command: readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').trim() },
        ];
      } catch {
        return []; // it ended while we looked
      }
    });
}

const MARK = 'JCT_TASK_ID=';
