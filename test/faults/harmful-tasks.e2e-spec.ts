import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { LOST_ALONE_MAX } from '../../src/tasks/queue/lost-run.js';
import type { ApiClient } from '../support/api-client.js';
import { withFaultyExecutor } from '../support/crash-points.js';
import { DATABASES, type TestDatabase } from '../support/databases.js';
import { Fleet, QUICK_LEASE } from '../support/fleet.js';
import { processesOf } from '../support/task-processes.js';
import type { Exit, TowerProcess } from '../support/tower-process.js';

const quick = { type: 'test', payload: { script: 'true' } };
/** Still runs when what began with it kills their worker. */
const brief = { type: 'test', payload: { script: 'sleep 1' } };
/** What kills its worker without a chance to react, as the killer of a host without memory does. */
const POISON = `
pid=$PPID
while [ "$pid" -gt 1 ]; do
  if grep -qz 'dist/src/main.js' "/proc/$pid/cmdline"; then kill -KILL "$pid"; fi
  pid=$(awk '/^PPid:/ { print $2 }' "/proc/$pid/status")
done`;

/** What follows is the process, not what it stores: each on one database is enough. */
function onDatabase(name: 'SQLite' | 'PostgreSQL', suite: (open: () => Fleet) => void): void {
  let database: TestDatabase;
  let fleet: Fleet;
  beforeAll(async () => {
    database = await DATABASES.find((each) => each.name === name)!.create();
    fleet = await Fleet.open(database.url, { ...QUICK_LEASE, JCT_SANDBOX: 'process' });
  });
  afterAll(async () => {
    await fleet?.close();
    await database?.drop();
  });
  suite(() => fleet);
}

describe('a task whose executor', () => {
  onDatabase('SQLite', (fleet) => {
    const faults = ['throw_later', 'reject_unheard', 'exhaust_memory'] as const;
    type Fault = (typeof faults)[number];
    let api: ApiClient;
    const workers = new Map<Fault, TowerProcess>();
    const ids = new Map<Fault, string>();

    const faulty = (fault: string, options: object): object => ({
      type: 'test',
      payload: { script: 'echo "run $JCT_RUN"', env: { TEST_FAULT: fault } },
      options,
    });

    /** Each in a worker of its own, and one more that takes over from them all. */
    beforeAll(async () => {
      ({ api } = await fleet().api());
      await Promise.all(
        faults.map(async (fault) => {
          const heap = fault === 'exhaust_memory' ? '--max-old-space-size=96' : '';
          const environment = { ...withFaultyExecutor(heap), JCT_WORKER_QUEUES: fault };
          workers.set(fault, await fleet().worker(environment));
          ids.set(fault, await api.accepted(faulty(fault, { queue: fault })));
          await workers.get(fault)!.ended;
        }),
      );
      const queues = ['default', ...faults].join();
      await fleet().worker({ ...withFaultyExecutor(), JCT_WORKER_QUEUES: queues });
    }, 120_000);

    /** How its worker ended, when the task has been run by the next one. */
    async function exitOf(fault: Fault): Promise<Exit> {
      const id = ids.get(fault)!;
      expect(await api.ended(id)).toMatchObject({ status: 'completed', attempt: 2, failure: null });
      const { items } = (await api.get(`/tasks/${id}/runs`)).body;
      expect(items).toMatchObject([{ status: 'lost' }, { status: 'completed' }]);
      expect((await api.get(`/tasks/${id}/trace?run=1`)).body.state).toBe('incomplete');
      expect((await api.get(`/tasks/${id}/logs?run=1`)).body).toContain('run 1');
      return workers.get(fault)!.ended;
    }

    it.each([
      ['throw_later', 'TypeError: a bug in a callback'],
      ['reject_unheard', 'TypeError: a promise that nobody heard'],
    ] as const)(
      'F12 breaks its process (%s) ends that process with a fatal line and code 1, and is run by another one',
      async (fault, message) => {
        expect(await exitOf(fault)).toEqual({ code: 1, signal: null });
        const fatal = workers
          .get(fault)!
          .log.split('\n')
          .filter((line) => line.includes('"level":"fatal"'))
          .map((line) => JSON.parse(line));
        expect(fatal).toMatchObject([{ context: 'Main', message: expect.stringContaining(message) }]);
        expect(fatal[0].stack).toContain('faulty-executor.mjs');
      },
    );

    it('F12 rejects fails in that run only, may be tried again, and harms nobody else', async () => {
      const id = await api.accepted(faulty('reject', { retries: 1, retry_delay_seconds: 1 }));
      const others = await Promise.all([quick, quick].map((task) => api.accepted(task)));
      expect(await api.ended(id)).toMatchObject({ status: 'completed', attempt: 2 });
      expect((await api.get(`/tasks/${id}/runs`)).body.items).toMatchObject([
        { status: 'failed', failure: { reason: 'error', message: 'TypeError: a bug in the executor' } },
        { status: 'completed' },
      ]);
      for (const each of others) {
        expect(await api.ended(each)).toMatchObject({ status: 'completed', attempt: 1 });
      }
    });

    it('F15 takes all memory ends that process, and is run by another one', async () => {
      const exit = await exitOf('exhaust_memory');
      expect(exit.code === null ? exit.signal : exit.code).toEqual(expect.stringMatching(/SIGABRT|SIGKILL/));
      expect(workers.get('exhaust_memory')!.log).toContain('heap out of memory');
    });
  });
});

describe('a task that kills its worker each time', () => {
  onDatabase('PostgreSQL', (fleet) => {
    it('F17 has failed as worker_lost when it was found, and all others have completed, also those beside it', async () => {
      const { api } = await fleet().api();
      // Before there is a worker: the last four of them begin together.
      const others: string[] = [];
      for (let count = 0; count < 7; count += 1) others.push(await api.accepted(brief));
      const poison = await api.accepted({ type: 'test', payload: { script: POISON } });
      const supervisor = new Supervisor(() => fleet().spawnWorker({ JCT_WORKER_CONCURRENCY: '4' }), 2);
      try {
        expect(await api.ended(poison)).toMatchObject({
          status: 'failed',
          failure: { reason: 'worker_lost', message: expect.stringContaining('not tried again') },
        });
        const runs = (await api.get(`/tasks/${poison}/runs`)).body.items;
        expect(runs.length).toBeGreaterThanOrEqual(LOST_ALONE_MAX);
        expect(runs).toMatchObject(
          runs.map((_: unknown, index: number) => ({
            status: index < runs.length - 1 ? 'lost' : 'failed',
            trace_complete: false,
          })),
        );
        expect(supervisor.deaths).toBe(runs.length);
        expect(processesOf(poison)).toEqual([]);

        const attempts: number[] = [];
        for (const id of others) {
          const { status, attempt } = await api.ended(id);
          expect(status).toBe('completed');
          attempts.push(attempt);
        }
        // Or this would have been easy.
        expect(attempts.filter((attempt) => attempt > 1).length).toBeGreaterThanOrEqual(3);
      } finally {
        await supervisor.stop();
      }
    }, 240_000);
  });
});

/** Keeps a number of workers alive, as systemd and Kubernetes do. */
class Supervisor {
  deaths = 0;
  private going = true;
  private readonly living = new Set<TowerProcess>();
  private readonly ended: Promise<unknown>;

  constructor(
    private readonly start: () => TowerProcess,
    count: number,
  ) {
    this.ended = Promise.all(Array.from({ length: count }, () => this.keep()));
  }

  async stop(): Promise<void> {
    this.going = false;
    for (const worker of this.living) worker.signal('SIGTERM');
    await this.ended;
  }

  private async keep(): Promise<void> {
    while (this.going) {
      const worker = this.start();
      this.living.add(worker);
      const { signal } = await worker.ended;
      this.living.delete(worker);
      if (signal === 'SIGKILL') this.deaths += 1;
    }
  }
}
