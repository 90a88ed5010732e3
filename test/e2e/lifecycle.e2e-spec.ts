import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newId } from '../../src/common/ids.js';
import type { ApiClient } from '../support/api-client.js';
import { onBothDatabases, type TestDatabase } from '../support/databases.js';
import { TaskRooms } from '../support/task-rooms.js';
import { Tower } from '../support/tower.js';

interface Run {
  number: number;
  status: string;
  started_at: string;
  finished_at: string;
}

const script = (text: string, options: object = {}): object => ({
  type: 'test',
  payload: { script: text },
  options,
});
/** In a queue that no worker serves. */
const parked = (changes: object = {}): object => ({ ...script('true', { queue: 'parked' }), ...changes });
const inSeconds = (seconds: number): string => new Date(Date.now() + seconds * 1_000).toISOString();

onBothDatabases('a task', (create) => {
  let database: TestDatabase;
  let tower: Tower;
  let api: ApiClient;

  beforeAll(async () => {
    database = await create();
    tower = await Tower.start(database.url, { JCT_POLL_INTERVAL_MS: '100', JCT_REAP_INTERVAL_SECONDS: '1' });
    api = tower.api;
  });
  afterAll(async () => {
    await tower?.stop();
    await database?.drop();
  });

  const runsOf = async (id: string): Promise<Run[]> =>
    (await api.get(`/tasks/${id}/runs`)).body.items as Run[];
  const blockersOf = async (id: string) =>
    (await api.get(`/tasks/${id}/explain`)).body.blockers as {
      code: string;
      details: Record<string, unknown>;
    }[];

  describe('that is cancelled', () => {
    it('never runs when it still waited; cancelling again changes nothing', async () => {
      const id = await api.accepted(parked());
      const cancelled = await api.post(`/tasks/${id}/cancel`);
      expect(cancelled.status).toBe(200);
      expect(cancelled.body).toMatchObject({
        status: 'cancelled',
        attempt: 0,
        failure: { reason: 'cancelled' },
      });
      const again = await api.post(`/tasks/${id}/cancel`);
      expect({ status: again.status, body: again.body }).toEqual({ status: 200, body: cancelled.body });
      expect(await runsOf(id)).toEqual([]);
      expect((await api.get(`/tasks/${id}/trace`)).body.code).toBe('RUN_NOT_FOUND');
    });

    it('stays what it is when it has completed or failed: 409 with its state', async () => {
      for (const [text, state] of [
        ['true', 'completed'],
        ['false', 'failed'],
      ] as const) {
        const before = await api.run(script(text));
        const answer = await api.post(`/tasks/${before.task_id}/cancel`);
        expect(answer.status).toBe(409);
        expect(answer.body).toMatchObject({ code: 'ILLEGAL_STATE', current_state: state });
        expect(await api.task(before.task_id as string)).toEqual(before);
      }
    });
  });

  describe('that is retried', () => {
    it('runs again as the same task, as attempt 2, and keeps both runs', async () => {
      const failed = await api.run(script('echo "run $JCT_RUN"; [ "$JCT_RUN" = 2 ]'));
      expect(failed).toMatchObject({ status: 'failed', attempt: 1, failure: { reason: 'exit_code' } });
      const id = failed.task_id as string;
      const retried = await api.post(`/tasks/${id}/retry`);
      expect(retried.status).toBe(200);
      expect(retried.body).toMatchObject({ task_id: id, failure: null, completed_at: null });
      expect(await api.ended(id)).toMatchObject({ status: 'completed', attempt: 2, failure: null });
      const runs = await runsOf(id);
      expect(runs.map(({ number, status }) => [number, status])).toEqual([
        [1, 'failed'],
        [2, 'completed'],
      ]);
      for (const { number } of runs) {
        expect((await api.get(`/tasks/${id}/trace/verify?run=${number}`)).body.ok).toBe(true);
        expect((await api.get(`/tasks/${id}/logs?run=${number}`)).body).toContain(`run ${number}`);
      }
    });

    it('stays what it is when it has completed (409) or waits already (200)', async () => {
      const completed = await api.run(script('true'));
      const refused = await api.post(`/tasks/${completed.task_id}/retry`);
      expect(refused.status).toBe(409);
      expect(refused.body).toMatchObject({ code: 'ILLEGAL_STATE', current_state: 'completed' });
      const waiting = await api.accepted(parked());
      expect((await api.post(`/tasks/${waiting}/retry`)).body).toMatchObject({
        status: 'queued',
        attempt: 0,
      });
    });

    it('by its own options runs again with growing delay, and fails in the end', async () => {
      const id = await api.accepted(script('echo no; exit 3', { retries: 2, retry_delay_seconds: 1 }));
      await api.logged(id, 'no');
      const ended = await api.ended(id);
      expect(ended).toMatchObject({
        status: 'failed',
        attempt: 3,
        max_attempts: 3,
        result: { exit_code: 3 },
      });
      const runs = await runsOf(id);
      expect(runs.map(({ status }) => status)).toEqual(['failed', 'failed', 'failed']);
      const pauses = [1, 2].map((n) => Date.parse(runs[n].started_at) - Date.parse(runs[n - 1].finished_at));
      // Half of the delay is random.
      expect(pauses[0]).toBeGreaterThanOrEqual(500);
      expect(pauses[1]).toBeGreaterThanOrEqual(1_000);
      expect(pauses[1]).toBeLessThan(4_000);
    });
  });

  it('that is replayed is a new task with the same request', async () => {
    const request = {
      ...script('true', { timeout_seconds: 77 }),
      metadata: { a: [1] },
      tags: ['x'],
      priority: 'high',
      idempotency_key: newId(),
    };
    const original = await api.run(request);
    const answer = await api.post(`/tasks/${original.task_id}/replay`);
    expect(answer.status).toBe(201);
    expect(answer.headers.get('location')).toBe(`/tasks/${answer.body.task_id}`);
    expect(answer.body.task_id).not.toBe(original.task_id);
    const replay = await api.ended(answer.body.task_id as string);
    const { type, payload, options, metadata, tags, priority } = original;
    expect(replay).toMatchObject({ type, payload, options, metadata, tags, priority, status: 'completed' });
    expect(replay).toMatchObject({ replay_of: original.task_id, idempotency_key: null, attempt: 1 });
  });

  describe('explains why it does not run:', () => {
    it('its time has not come', async () => {
      const runAt = inSeconds(3_600);
      const id = await api.accepted(script('true', { run_at: runAt }));
      expect(await blockersOf(id)).toMatchObject([{ code: 'WAITS_FOR_TIME', details: { run_at: runAt } }]);
      await api.post(`/tasks/${id}/cancel`);
      expect(await blockersOf(id)).toEqual([]);
    });

    it('it was lost with its worker, and is kept apart from others that were', async () => {
      const queue = `lost-${newId()}`;
      const id = await api.accepted(parked({ options: { queue } }));
      const rooms = await TaskRooms.open(database.url);
      const [{ runId }] = await rooms.claim(1, 60, queue);
      const failure = { reason: 'worker_lost', message: 'gone' } as const;
      await rooms.queue.settle(runId, { status: 'lost', failure, delaySeconds: 3_600 }, null);
      await rooms.close();
      expect((await blockersOf(id))[0]).toMatchObject({
        code: 'WAITS_FOR_TIME',
        message: expect.stringContaining('The last run was lost with its worker; the next one starts at'),
      });
    });

    it('another task holds its concurrency key', async () => {
      const key = { concurrency_key: `deploy ${newId()}` };
      const holder = await api.accepted(script('echo started; sleep 300', key));
      await api.logged(holder, 'started');
      const waiting = await api.accepted(script('true', key));
      expect(await blockersOf(waiting)).toMatchObject([
        { code: 'WAITS_FOR_KEY', details: { held_by: holder } },
      ]);
      await api.post(`/tasks/${holder}/cancel`);
      expect((await api.ended(waiting)).status).toBe('completed');
    });

    it('no worker serves its queue', async () => {
      const id = await api.accepted(parked({ options: { queue: `nobody-${newId()}` } }));
      const { body } = await api.get(`/tasks/${id}/explain`);
      expect(body).toMatchObject({ task_id: id, status: 'queued', blockers: [{ code: 'NO_WORKER' }] });
      expect(body.summary).toContain('JCT_WORKER_QUEUES');
      expect(body.policy).toMatchObject({
        decision: 'allow',
        rules: expect.arrayContaining([expect.anything()]),
      });
    });

    it('it was not started in time', async () => {
      const id = await api.accepted(parked({ options: { queue: 'parked', expires_at: inSeconds(1) } }));
      const ended = await api.ended(id);
      expect(ended).toMatchObject({ status: 'failed', attempt: 0, failure: { reason: 'expired' } });
      expect((await api.get(`/tasks/${id}/explain`)).body).toMatchObject({
        blockers: [],
        summary: expect.stringContaining('expires_at'),
      });
    });
  });

  it('with run_at starts then, not before', async () => {
    const runAt = inSeconds(1.5);
    const ended = await api.run(script('true', { run_at: runAt }));
    expect(ended.status).toBe('completed');
    const late = Date.parse(ended.started_at as string) - Date.parse(runAt);
    expect(late).toBeGreaterThanOrEqual(0);
    expect(late).toBeLessThan(5_000);
  });

  it('with a concurrency key runs alone, and every one of them in the end', async () => {
    const key = { concurrency_key: newId() };
    const ids = await Promise.all(Array.from({ length: 6 }, () => api.accepted(script('sleep 0.2', key))));
    const ended = await Promise.all(ids.map((id) => api.ended(id)));
    expect(ended.map(({ status, attempt }) => [status, attempt])).toEqual(ids.map(() => ['completed', 1]));
    const runs = (await Promise.all(ids.map(runsOf))).flat();
    runs.sort((a, b) => (a.started_at < b.started_at ? -1 : 1));
    for (const [index, run] of runs.slice(1).entries()) {
      expect(run.started_at >= runs[index].finished_at).toBe(true);
    }
  });

  describe('in the list', () => {
    const list = async (query: string): Promise<{ ids: string[]; cursor: string | null }> => {
      const { status, body } = await api.get(`/tasks?${query}`);
      expect(status).toBe(200);
      return {
        ids: (body.items as { task_id: string }[]).map((item) => item.task_id),
        cursor: body.next_cursor as string | null,
      };
    };

    it('comes once, newest first, however many are handed in while somebody turns the pages', async () => {
      const tags = [newId()];
      const handIn = (count: number): Promise<string[]> =>
        Promise.all(Array.from({ length: count }, () => api.accepted(parked({ tags }))));
      const before = await handIn(45);
      const seen: string[] = [];
      let cursor: string | null = '';
      while (cursor !== null) {
        const page: Awaited<ReturnType<typeof list>> = await list(
          `tag=${tags[0]}&limit=10${cursor && `&cursor=${cursor}`}`,
        );
        seen.push(...page.ids);
        cursor = page.cursor;
        await handIn(3);
      }
      expect(seen).toHaveLength(45);
      expect(new Set(seen)).toEqual(new Set(before));
      const times = await Promise.all(seen.map(async (id) => (await api.task(id)).created_at as string));
      expect(times).toEqual([...times].sort().reverse());
    });

    it('is found by each filter, and only by what fits', async () => {
      const word = `w${newId().replaceAll('-', '')}`;
      const repository = `https://example.com/acme/${word}`;
      const target = { repository, environment: `env-${word}` };
      const id = await api.accepted({
        type: 'deploy',
        payload: { script: `echo ${word} 100%_sure` },
        priority: 'critical',
        source: word,
        target,
        tags: [word, 'other'],
        options: { queue: 'parked' },
      });
      const { created_at: at } = await api.task(id);
      const around = (ms: number): string => new Date(Date.parse(at as string) + ms).toISOString();
      const fitting = [
        `tag=${word}`,
        `source=${word}`,
        `repository=${encodeURIComponent(repository)}`,
        `environment=env-${word}`,
        `q=${word}`,
        `q=${word.toUpperCase()}`,
        `q=${encodeURIComponent('100%_sure')}&source=${word}`,
        `q=${id}`,
        `tag=${word}&type=deploy,build&priority=critical&status=queued&status=running`,
        `tag=${word}&created_after=${around(-5)}&created_before=${around(5)}`,
      ];
      const others = [
        `tag=${word}x`,
        `tag=oth`,
        `source=${word}&type=test`,
        `source=${word}&priority=low,high`,
        `source=${word}&status=completed`,
        `source=${word}&created_after=${around(5)}`,
        `source=${word}&created_before=${around(-5)}`,
        `source=${word}&q=100_sure`,
        `source=${word}&q=${encodeURIComponent('100%sure')}`,
        `source=${word}&q=${encodeURIComponent("' OR 1=1 --")}`,
        `repository=${encodeURIComponent(`${repository}/`)}`,
      ];
      for (const query of fitting)
        expect({ query, ...(await list(query)) }).toEqual({ query, ids: [id], cursor: null });
      for (const query of others)
        expect({ query, ...(await list(query)) }).toEqual({ query, ids: [], cursor: null });
    });
  });

  it('counts in the statistics by status and by type', async () => {
    const before = (await api.get('/tasks/stats')).body;
    await api.run({ type: 'scan', payload: { script: 'true', fail_on: 'never' } });
    await api.run({ type: 'scan', payload: { script: 'false', fail_on: 'never' } });
    await api.accepted(parked());
    const after = (await api.get('/tasks/stats')).body;
    const grown = (status: string): number => after.by_status[status] - before.by_status[status];
    expect(['completed', 'failed', 'queued', 'running'].map(grown)).toEqual([1, 1, 1, 0]);
    expect(after.by_type.scan).toEqual({ completed: 1, failed: 1 });
    expect(after.finished_last_minute).toBeGreaterThanOrEqual(2);
    expect(after.finished_last_hour).toBeGreaterThanOrEqual(after.finished_last_minute as number);
    expect(after.oldest_queued_seconds).toBeGreaterThanOrEqual(0);
  });
});
