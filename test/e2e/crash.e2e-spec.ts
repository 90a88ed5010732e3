import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Answer, ApiClient } from '../support/api-client.js';
import { onBothDatabases, type TestDatabase } from '../support/databases.js';
import { processesOf } from '../support/task-processes.js';
import { TowerYard, type TowerProcess } from '../support/tower-process.js';

/** A worker that dies is noticed within 3 seconds. */
const IMPATIENT = {
  JCT_LEASE_SECONDS: '2',
  JCT_HEARTBEAT_SECONDS: '1',
  JCT_REAP_INTERVAL_SECONDS: '1',
  JCT_SHUTDOWN_GRACE_SECONDS: '20',
};
const script = (text: string): object => ({ type: 'test', payload: { script: text } });
/** Goes on for ever in its first run, and ends at once in the next one. */
const ENDLESS_AT_FIRST = script('echo "run $JCT_RUN"; [ "$JCT_RUN" != 1 ] || sleep 300');

interface Run {
  number: number;
  status: string;
  trace_complete: boolean;
  worker_id: string;
  late_result: object | null;
}

onBothDatabases('a tower', (create, name) => {
  let database: TestDatabase;
  let yard: TowerYard;

  beforeEach(async () => {
    database = await create();
    yard = await TowerYard.open();
  });
  afterEach(async () => {
    await yard?.close();
    await database?.drop();
  });

  const start = (environment: Record<string, string> = {}): Promise<TowerProcess> =>
    yard.start({ ...IMPATIENT, DATABASE_URL: database.url, ...environment });
  const runsOf = async (api: ApiClient, id: string): Promise<Run[]> =>
    (await api.get(`/tasks/${id}/runs`)).body.items as Run[];
  const traceState = async (api: ApiClient, id: string, run: number): Promise<string> =>
    (await api.get(`/tasks/${id}/trace?run=${run}`)).body.state as string;

  describe('that is killed', () => {
    it('in the middle of a task runs it again after its restart, and tells of the lost run', async () => {
      const first = await start();
      const id = await first.api.accepted(ENDLESS_AT_FIRST);
      await first.api.logged(id, 'run 1');
      expect(await traceState(first.api, id, 1)).toBe('writing');
      await first.kill();

      const { api } = await start();
      expect(await api.ended(id)).toMatchObject({ status: 'completed', attempt: 2, failure: null });
      expect(processesOf(id)).toEqual([]);
      const runs = await runsOf(api, id);
      expect(runs.map(({ number, status, trace_complete }) => [number, status, trace_complete])).toEqual([
        [1, 'lost', false],
        [2, 'completed', true],
      ]);
      expect(await traceState(api, id, 1)).toBe('incomplete');
      expect(await traceState(api, id, 2)).toBe('complete');
      expect((await api.get(`/tasks/${id}/trace/verify?run=1`)).body).toMatchObject({
        ok: false,
        complete: false,
        problems: [{ code: 'incomplete' }],
      });
      expect((await api.get(`/tasks/${id}/logs?run=1`)).body).toContain('run 1');
    });

    it('F01 at any moment loses nothing that it acknowledged, and a client that asks again gets each task once', async () => {
      const seed = randomInt(1_000_000);
      const acknowledged = new Map<number, string>();
      const body = (index: number): object => ({
        ...script('true'),
        options: { queue: 'parked' },
        idempotency_key: `seed ${seed} task ${index}`,
      });
      const handIn = async (api: ApiClient, index: number): Promise<void> => {
        const answer = await api.enqueue(body(index)).catch(() => undefined);
        if (answer?.status === 201 || answer?.status === 200)
          acknowledged.set(index, answer.body.task_id as string);
      };
      const first = await start({ JCT_ROLE: 'api' });
      const killAfter = 20 + (seed % 160);
      let begun = 0;
      const client = async (): Promise<void> => {
        while (begun < 200 && acknowledged.size < killAfter) await handIn(first.api, begun++);
      };
      // Eight clients; the kill falls among whatever they have under way.
      await Promise.race([Promise.all(Array.from({ length: 8 }, client)), first.ended]);
      const underWay = Array.from({ length: 8 }, () => handIn(first.api, begun++));
      await delay(seed % 7);
      await first.kill();
      await Promise.all(underWay);

      const { api } = await start({ JCT_ROLE: 'api' });
      const before = new Map(acknowledged);
      for (const [index, id] of before) {
        expect({ seed, index, status: (await api.get(`/tasks/${id}`)).status }).toEqual({
          seed,
          index,
          status: 200,
        });
      }
      for (let index = 0; index < 200; index += 1) await handIn(api, index);
      for (const [index, id] of before)
        expect({ seed, index, id: acknowledged.get(index) }).toEqual({ seed, index, id });
      expect(new Set(acknowledged.values()).size).toBe(200);
      expect((await api.get('/tasks/stats')).body.by_status.queued).toBe(200);
    });
  });

  it('and another one that start together on a new database make its schema once, and both serve', async () => {
    const towers = await Promise.all([start(), start()]);
    const migrated = towers.filter(({ log }) => log.includes('Schema brought up to date'));
    expect(migrated).toHaveLength(1);
    const ids = await Promise.all(towers.map(({ api }) => api.accepted(script('true'))));
    for (const id of ids)
      expect(await towers[0].api.ended(id)).toMatchObject({ status: 'completed', attempt: 1 });
    for (const { api } of towers) {
      expect((await api.get('/readyz')).status).toBe(200);
      expect((await api.get('/status')).body.workers).toHaveLength(2);
    }
  });

  it('of the role api hands a task to one of the role worker, and shows its log while it grows', async () => {
    const [front, worker] = await Promise.all([start({ JCT_ROLE: 'api' }), start({ JCT_ROLE: 'worker' })]);
    expect(() => worker.api).toThrow();
    const { api } = front;
    const id = await api.accepted(script('echo started; sleep 1; echo finished'));
    await api.logged(id, 'started');
    expect((await api.task(id)).status).toBe('running');
    await api.logged(id, 'finished');
    const ended = await api.ended(id);
    expect(ended).toMatchObject({ status: 'completed', attempt: 1 });
    expect(ended.worker_id).toContain(`:${worker.pid}:`);
    expect((await api.get(`/tasks/${id}/trace/verify`)).body.ok).toBe(true);

    const endless = await api.accepted(script('echo started; sleep 300'));
    await api.logged(endless, 'started');
    expect((await api.post(`/tasks/${endless}/cancel`)).status).toBe(200);
    expect((await api.ended(endless)).status).toBe('cancelled');
    const waited = await api.enqueue(script('true'), { Prefer: 'wait=20' });
    expect(waited.body).toMatchObject({ status: 'completed' });
    await worker.stop();
    const orphan = await api.accepted(script('true'));
    expect((await api.get(`/tasks/${orphan}/explain`)).body.blockers).toMatchObject([{ code: 'NO_WORKER' }]);
  });

  // What follows is the process, not what it stores: once is enough.
  if (name !== 'SQLite') return;

  describe('that is told to stop', () => {
    const notReady = async (api: ApiClient): Promise<Answer> => {
      for (;;) {
        const answer = await api.get('/readyz');
        if (answer.status !== 200) return answer;
      }
    };

    it('F10 is not ready from then on, lets a short task finish, and exits with 0', async () => {
      const first = await start();
      const id = await first.api.accepted(script('echo started; sleep 2; echo finished'));
      await first.api.logged(id, 'started');
      const toldAt = performance.now();
      first.signal('SIGTERM');
      const { status, body } = await notReady(first.api);
      expect(performance.now() - toldAt).toBeLessThan(1_000);
      expect({ status, state: body.status }).toEqual({ status: 503, state: 'not_ready' });
      expect((await first.api.get('/healthz')).status).toBe(200);
      const late = await first.api.accepted(script('true'));
      expect(await first.ended).toEqual({ code: 0, signal: null });

      const { api } = await start();
      expect(await api.task(id)).toMatchObject({ status: 'completed', attempt: 1 });
      expect((await api.get(`/tasks/${id}/trace/verify`)).body.ok).toBe(true);
      expect(await api.ended(late)).toMatchObject({ status: 'completed', attempt: 1 });
    });

    it('F10 gives a long task back after the grace, with a complete trace, and exits with 0', async () => {
      const first = await start({ JCT_SHUTDOWN_GRACE_SECONDS: '1' });
      const id = await first.api.accepted(ENDLESS_AT_FIRST);
      await first.api.logged(id, 'run 1');
      expect(await first.stop()).toEqual({ code: 0, signal: null });
      expect(processesOf(id)).toEqual([]);

      const { api } = await start();
      expect(await api.ended(id)).toMatchObject({ status: 'completed', attempt: 2, max_attempts: 1 });
      expect((await runsOf(api, id)).map(({ status, trace_complete }) => [status, trace_complete])).toEqual([
        ['released', true],
        ['completed', true],
      ]);
    });

    it('F11 twice does not wait for the end of the grace', async () => {
      const first = await start({ JCT_SHUTDOWN_GRACE_SECONDS: '600' });
      const id = await first.api.accepted(script('echo started; sleep 300'));
      await first.api.logged(id, 'started');
      const toldAt = performance.now();
      first.signal('SIGTERM');
      await notReady(first.api);
      first.signal('SIGTERM');
      expect(await first.ended).toEqual({ code: 0, signal: null });
      expect(performance.now() - toldAt).toBeLessThan(10_000);
      expect(processesOf(id)).toEqual([]);
    });
  });

  it('that is frozen for longer than its lease does not report the task that another one has taken', async () => {
    const frozen = await start();
    const id = await frozen.api.accepted(script('echo "run $JCT_RUN"; [ "$JCT_RUN" != 1 ] || sleep 4'));
    await frozen.api.logged(id, 'run 1');
    frozen.signal('SIGSTOP');
    const { api } = await start();
    expect(await api.ended(id)).toMatchObject({ status: 'completed', attempt: 2 });
    frozen.signal('SIGCONT');
    expect((await frozen.stop()).code).toBe(0);
    expect((await runsOf(api, id)).map(({ status }) => status)).toEqual(['lost', 'completed']);
    expect(await api.task(id)).toMatchObject({ status: 'completed', attempt: 2 });
    const [lost, completed] = await runsOf(api, id);
    expect(lost.late_result).toMatchObject({ reported_at: expect.any(String) });
    expect(completed.late_result).toBeNull();
    expect((await api.get('/tasks/stats')).body.late_results).toBe(1);
  });
});
