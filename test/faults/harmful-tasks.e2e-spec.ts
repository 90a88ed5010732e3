import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ApiClient } from '../support/api-client.js';
import { withFaultyExecutor } from '../support/crash-points.js';
import { DATABASES, type TestDatabase } from '../support/databases.js';
import { Fleet, QUICK_LEASE } from '../support/fleet.js';
import { processesOf } from '../support/task-processes.js';
import type { Exit, TowerProcess } from '../support/tower-process.js';

const quick = { type: 'test', payload: { script: 'true' } };
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
    it('F17 has failed as worker_lost after three workers, and all others are run', async () => {
      const { api } = await fleet().api();
      // One slot each: what runs beside the killer is lost with it, and that is another matter.
      const supervisor = new Supervisor(() => fleet().worker({ JCT_WORKER_CONCURRENCY: '1' }), 2);
      try {
        const before = await Promise.all(Array.from({ length: 5 }, () => api.accepted(quick)));
        const poison = await api.accepted({ type: 'test', payload: { script: POISON } });
        const after: string[] = [];
        while ((await api.task(poison)).status !== 'failed')
          after.push((await api.run(quick)).task_id as string);

        expect(await api.task(poison)).toMatchObject({
          attempt: 3,
          failure: { reason: 'worker_lost', message: expect.stringContaining('not tried again') },
        });
        expect((await api.get(`/tasks/${poison}/runs`)).body.items).toMatchObject([
          { status: 'lost', trace_complete: false },
          { status: 'lost', trace_complete: false },
          { status: 'failed', trace_complete: false },
        ]);
        for (const id of [...before, ...after]) {
          expect(await api.ended(id)).toMatchObject({ status: 'completed', attempt: 1 });
        }
        expect(supervisor.deaths).toBe(3);
        expect(processesOf(poison)).toEqual([]);
      } finally {
        await supervisor.stop();
      }
    }, 120_000);
  });
});

/** Keeps a number of workers alive, as systemd and Kubernetes do. */
class Supervisor {
  deaths = 0;
  private going = true;
  private readonly living = new Set<TowerProcess>();
  private readonly ended: Promise<unknown>;

  constructor(
    private readonly start: () => Promise<TowerProcess>,
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
      const worker = await this.start();
      this.living.add(worker);
      if (!this.going) worker.signal('SIGTERM');
      const { signal } = await worker.ended;
      this.living.delete(worker);
      if (signal === 'SIGKILL') this.deaths += 1;
    }
  }
}
