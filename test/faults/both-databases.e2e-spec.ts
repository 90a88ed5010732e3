import { afterEach, describe, expect, it } from '@jest/globals';
import type { Answer } from '../support/api-client.js';
import { DATABASES, type TestDatabase } from '../support/databases.js';
import { type CorpusRequest, FIRST, SECOND } from '../support/request-corpus.js';
import { Tower } from '../support/tower.js';
import { TaskQueue } from '../../src/tasks/queue/task-queue.js';

type Said = { request: string; status: number };

/** An answer without what differs at every call: ids by the order in which they came, times, ages. */
class Normal {
  private readonly ids = new Map<string, string>();

  of({ status, headers, body }: Answer): { status: number } {
    const kept = [
      'content-type',
      'location',
      'retry-after',
      'idempotency-replayed',
      'allow',
      'preference-applied',
    ];
    const text = JSON.stringify({
      status,
      headers: kept.map((name) => headers.get(name)),
      body: body as unknown,
    })
      .replaceAll(/[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/gi, (id) => this.name(id))
      .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, 'time')
      .replaceAll(/\d{4}-\d\d-\d\d(?=\/id-)/g, 'day')
      .replaceAll(/"next_cursor":"[^"]+"/g, '"next_cursor":"cursor"')
      .replaceAll(/"(oldest_queued_seconds|duration_ms)":[\d.]+/g, '"$1":0');
    return JSON.parse(text) as { status: number };
  }

  private name(id: string): string {
    if (!this.ids.has(id)) this.ids.set(id, `id-${this.ids.size}`);
    return this.ids.get(id)!;
  }
}

describe('SQLite and PostgreSQL', () => {
  const databases: TestDatabase[] = [];
  const towers: Tower[] = [];
  afterEach(async () => {
    for (const tower of towers.splice(0)) await tower.stop();
    for (const database of databases.splice(0)) await database.drop();
  });

  /** Everything that one database has to say to the corpus. */
  const answers = async (create: () => Promise<TestDatabase>): Promise<Said[]> => {
    const database = await create();
    databases.push(database);
    // Nothing but the requests changes anything: time and chance would not be the same.
    const tower = await Tower.start(database.url, { JCT_ROLE: 'api' });
    towers.push(tower);
    const ids: string[] = [];
    const normal = new Normal();
    const all: Said[] = [];
    const ask = async ({ method = 'GET', path, body, headers }: CorpusRequest): Promise<void> => {
      const where = typeof path === 'string' ? path : path(ids);
      const answer = await (method === 'GET'
        ? tower.api.get(where, headers)
        : tower.api.post(where, body, headers));
      if (answer.status === 201 && where === '/tasks/enqueue') ids.push(answer.body.task_id as string);
      all.push({ request: `${method} ${String(path)} ${JSON.stringify(body)}`, ...normal.of(answer) });
    };
    for (const request of FIRST) await ask(request);
    await runSome(tower.app.get(TaskQueue));
    for (const request of SECOND) await ask(request);
    return all;
  };

  it('F28 give the same answers to a corpus of 250 requests', async () => {
    const [sqlite, postgres] = [await answers(DATABASES[0].create), await answers(DATABASES[1].create)];
    expect(sqlite.length).toBeGreaterThan(200);
    const statuses = [...new Set(sqlite.map(({ status }) => status))].sort();
    expect(statuses).toEqual([200, 201, 400, 403, 404, 409, 422]);
    expect(postgres).toEqual(sqlite);
  });
});

/** As a worker would: one completes, one fails, one is to be tried again, one goes on. */
async function runSome(queue: TaskQueue): Promise<void> {
  const claimant = { workerId: 'worker-1', queue: 'default', types: ['test'], leaseSeconds: 3_600 };
  const [first, second, third] = await queue.claim(claimant, 4);
  const failure = { reason: 'exit_code' as const, message: 'Exit code 1: größe \0 ✓' };
  await queue.settle(first.runId, { status: 'completed', result: { exit_code: 0 } }, '0'.repeat(64));
  await queue.settle(second.runId, { status: 'failed', failure, result: { exit_code: 1 } }, null);
  await queue.settle(third.runId, { status: 'retry', failure, result: null, delaySeconds: 3_000 }, null);
}
