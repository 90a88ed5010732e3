import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect } from '@jest/globals';
import type { ApiClient } from './api-client.js';
import { type TowerProcess, TowerYard } from './tower-process.js';

const MB = 1_048_576;
const LOG_BYTES_MAX = 4 * MB;

/** The most memory that a process ever had, in MB. */
function peakMegabytes(pid: number): number {
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1_024;
}

/** A tower whose commands write without end. Defines hooks: call it inside a describe. */
export function logFlood(): (flood: string, warmUp: string) => Promise<string> {
  let yard: TowerYard;
  let tower: TowerProcess;
  beforeEach(async () => {
    yard = await TowerYard.open();
    tower = await yard.start({ JCT_LOG_BYTES_MAX: String(LOG_BYTES_MAX) });
  });
  afterEach(() => yard?.close());

  const written = async (api: ApiClient, script: string): Promise<string> => {
    const body = { type: 'test', payload: { script: `${script}; echo; echo the end` } };
    const task = await api.run(body);
    expect(task).toMatchObject({ status: 'completed', attempt: 1 });
    expect((await api.get(`/tasks/${task.task_id}/trace/verify`)).body.ok).toBe(true);
    return readFileSync(join(yard.folder, 'traces', task.trace_path as string, 'log.txt'), 'latin1');
  };

  /**
   * @param warmUp a flood of the same kind, after which the memory of a tower has the size that it keeps
   * @returns log.txt
   */
  return async (flood, warmUp) => {
    await written(tower.api, warmUp);
    const before = peakMegabytes(tower.pid);
    const log = await written(tower.api, flood);
    const grown = peakMegabytes(tower.pid) - before;
    process.stdout.write(
      `F33 the peak of memory grew by ${grown.toFixed(0)} MB above ${before.toFixed(0)}\n`,
    );
    expect(grown).toBeLessThan(100);
    expect(log.length).toBeLessThan(LOG_BYTES_MAX + MB);
    // The child came to its end: nobody let it wait for ever at a full pipe.
    expect(log).toMatch(/out: the end\n/);
    return log;
  };
}
