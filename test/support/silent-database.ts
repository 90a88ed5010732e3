import { expect } from '@jest/globals';
import type { Answer } from './api-client.js';
import { type Fleet } from './fleet.js';
import { processesOf } from './task-processes.js';
import type { TowerProcess } from './tower-process.js';
import { until, watchExits } from './verdict.js';

/** Goes on for ever in its first run, and ends at once in the next one. */
const ENDLESS_AT_FIRST = {
  type: 'test',
  payload: { script: 'echo "run $JCT_RUN"; [ "$JCT_RUN" != 1 ] || sleep 300' },
};
const QUICK = { type: 'test', payload: { script: 'true' } };

/** An API and a worker whose database says nothing any more, without closing a connection, and comes back. */
export class SilentDatabase {
  private readonly exits: string[];

  private constructor(
    private readonly tower: TowerProcess,
    worker: TowerProcess,
    /** A task whose first run goes on. */
    readonly endless: string,
  ) {
    this.exits = watchExits([tower, worker]);
  }

  static async of(fleet: Fleet): Promise<SilentDatabase> {
    const tower = await fleet.api();
    const worker = await fleet.worker();
    const endless = await tower.api.accepted(ENDLESS_AT_FIRST);
    await tower.api.logged(endless, 'run 1');
    return new SilentDatabase(tower, worker, endless);
  }

  /** While it is silent: who needs it is answered with 503, who does not as ever, and what ran is stopped. */
  async isToldOf(): Promise<void> {
    const { api } = this.tower;
    const answers = Promise.all([
      api.enqueue(QUICK),
      api.enqueue({ ...QUICK, options: { concurrency_key: 'a' } }),
      api.get('/tasks'),
      api.get(`/tasks/${this.endless}`),
      api.get('/status'),
      api.post(`/tasks/${this.endless}/cancel`),
    ]);
    // Each of its tasks would wait as long as the first.
    const batch = api.post('/tasks/enqueue/batch', { tasks: Array.from({ length: 50 }, () => QUICK) });
    await until(async () => (await api.get('/readyz')).status === 503);
    await until(async () => {
      expect((await api.get('/healthz')).status).toBe(200);
      return processesOf(this.endless).length === 0;
    });
    for (const answer of await answers) expectUnavailable(answer);
    for (const { status_code } of (await batch).body.items) expect(status_code).toBe(503);
  }

  /** When it is there again: everything works, without a restart. */
  async isFoundAgain(): Promise<void> {
    const { api } = this.tower;
    await until(async () => (await api.get('/readyz')).status === 200);
    expect(await api.run(QUICK)).toMatchObject({ status: 'completed', attempt: 1 });
    expect(await api.ended(this.endless)).toMatchObject({ status: 'completed', attempt: 2 });
    expect(this.exits).toEqual([]);
  }
}

function expectUnavailable({ status, headers, body }: Answer): void {
  expect({ status, code: body.code as unknown }).toEqual({ status: 503, code: 'UNAVAILABLE' });
  expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
}
