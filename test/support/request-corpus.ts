/** One request; what depends on earlier answers is a function of the ids of the tasks that were accepted so far. */
export interface CorpusRequest {
  method?: 'GET' | 'POST';
  path: string | ((ids: string[]) => string);
  body?: unknown;
  headers?: Record<string, string>;
}

const NOWHERE = '00000000-0000-7000-8000-000000000000';
const quick = { type: 'test', payload: { script: 'true' } };
const enqueue = (
  changes: object,
  headers: Record<string, string> = {},
  path = '/tasks/enqueue',
): CorpusRequest => ({ method: 'POST', path, body: { ...quick, ...changes }, headers });

const ACCEPTED: object[] = [
  ...['low', 'medium', 'high', 'critical'].map((priority) => ({ priority })),
  ...['build', 'scan', 'deploy'].map((type) => ({ type })),
  { type: 'cleanup', payload: { what: 'tasks', older_than_days: 3, dry_run: true } },
  { type: 'notify', payload: { url: 'https://hooks.example.com/x', message: 'größe ✓' } },
  {
    source: 'nightly',
    tags: ['a', 'b', 'ü'],
    metadata: { nested: { list: [1, 1.5, 1e21, null, true, '\u2028'] } },
  },
  {
    metadata: { '': 0, ' ': '%_\\', "'; DROP TABLE tasks; --": '"' },
    tags: ['100%', 'under_score', "o'clock"],
  },
  { target: { repository: 'https://github.com/Acme/Widgets', ref: 'main', path: 'a/b' } },
  { target: { repository: 'acme/widgets', ref: 'v1', environment: 'staging' } },
  { target: { repository: 'git@github.com:acme/widgets.git' } },
  { options: { timeout_seconds: 5, retries: 3, retry_delay_seconds: 1 } },
  { options: { queue: 'slow', run_at: '2999-01-01T00:00:00+02:00' } },
  { options: { run_at: '2999-01-01T00:00:00Z', expires_at: '2999-01-01T00:00:00.001Z' } },
  { options: { concurrency_key: 'deploy production' } },
  { options: { concurrency_key: 'deploy production' }, priority: 'high' },
  { callback_url: 'https://hooks.example.com/tower' },
  { idempotency_key: 'first' },
  { idempotency_key: 'first', priority: 'medium' },
  { payload: { command: ['echo', 'a', 'ß'], env: { A: '1' }, artifacts: ['dist/**'] } },
];
const REFUSED: object[] = [
  { type: 'unknown' },
  { type: 1 },
  { payload: null },
  { payload: { script: '' } },
  { payload: { script: 'true', command: ['true'] } },
  { payload: { script: 'true', unknown: 1 } },
  { unknown: true, tags: 'a', priority: 'urgent' },
  { tags: Array.from({ length: 33 }, (_, index) => `t${index}`) },
  { tags: [''] },
  { source: 'x'.repeat(65) },
  { metadata: { a: 'x'.repeat(40_000) } },
  { target: { repository: 'https://me:secret@host/x' } },
  { target: { repository: 'acme/widgets', ref: '--upload-pack=x' } },
  { target: { path: '../..' } },
  { options: { timeout_seconds: 0, retries: 26, queue: 'a b' } },
  { options: { run_at: 'tomorrow' } },
  { options: { run_at: '2999-01-01T00:00:00Z', expires_at: '2998-01-01T00:00:00Z' } },
  { options: { concurrency_key: 'ü' } },
  { options: { sandbox: { mode: 'none' } } },
  { callback_url: 'http://127.0.0.1/x' },
  { callback_url: 'ftp://x' },
  { idempotency_key: '' },
  { idempotency_key: 'first', priority: 'low' },
  { metadata: { a: 'NUL \0' } },
];
const FILTERS = [
  '', 'limit=3', 'limit=0', 'limit=201', 'limit=x', 'cursor=x', 'unknown=1',
  'status=queued', 'status=queued,completed', 'status=completed&status=failed', 'status=nothing', 'status=',
  'type=build', 'type=build,deploy', 'type=None', 'priority=high', 'priority=low,critical', 'priority=x',
  'source=nightly', 'source=NIGHTLY', 'source=', 'source=%00', 'tag=a', 'tag=A', 'tag=%C3%BC', 'tag=100%25', 'tag=100',
  'tag=under_score', 'tag=underXscore', "tag=o'clock", 'repository=acme/widgets', 'repository=https://github.com/acme/widgets',
  'environment=staging', 'environment=Staging', 'created_after=2020-01-01T00:00:00Z', 'created_before=2020-01-01T00:00:00Z',
  'created_after=2020-01-01', 'created_after=now', 'q=widgets', 'q=WIDGETS', 'q=%25', 'q=_', 'q=%5C', "q='", 'q=%C3%BC',
  'q=gr%C3%B6%C3%9Fe', 'q=nothing+at+all', 'status=queued&priority=medium&type=test&limit=2',
]; // prettier-ignore
const OF_A_TASK = [
  '',
  '/runs',
  '/explain',
  '/callbacks',
  '/trace',
  '/logs',
  '/trace/verify',
  '/trace/files/log.txt',
];
const STRANGE_IDS = ['x', NOWHERE, NOWHERE.toUpperCase(), '%00', '%', "'", '1', '..%2f..'];

/** Before any task has run. */
export const FIRST: readonly CorpusRequest[] = [
  ...ACCEPTED.map((changes) => enqueue(changes)),
  ...REFUSED.map((changes) => enqueue(changes)),
  ...ACCEPTED.slice(0, 3).map((changes) => enqueue(changes, {}, '/tasks/enqueue?dry_run=true')),
  ...REFUSED.slice(0, 3).map((changes) => enqueue(changes, {}, '/tasks/enqueue?dry_run=true')),
  enqueue({}, { 'Idempotency-Key': 'in the header' }),
  enqueue({}, { 'Idempotency-Key': '"in the header"' }),
  enqueue({ idempotency_key: 'other' }, { 'Idempotency-Key': 'in the header' }),
  enqueue({}, { Prefer: 'wait=x' }),
  enqueue({}, { 'X-Request-Id': 'mine-1' }),
  { method: 'POST', path: '/tasks/enqueue', body: '{"type":' },
  { method: 'POST', path: '/tasks/enqueue', body: [] },
  { method: 'POST', path: '/tasks/enqueue', body: '{"metadata":{"__proto__":1}}' },
  {
    method: 'POST',
    path: '/tasks/enqueue/batch',
    body: { tasks: [quick, REFUSED[0], { ...quick, tags: ['batch'] }] },
  },
  { method: 'POST', path: '/tasks/enqueue/batch', body: { tasks: [] } },
  { method: 'POST', path: '/policies/evaluate', body: quick },
  { method: 'POST', path: '/policies/evaluate', body: { ...quick, ...REFUSED[18] } },
  ...FILTERS.map((filter) => ({ path: `/tasks?${filter}` })),
  ...STRANGE_IDS.flatMap((id) => ['', '/runs', '/logs'].map((end) => ({ path: `/tasks/${id}${end}` }))),
  ...STRANGE_IDS.slice(0, 3).flatMap((id) =>
    ['cancel', 'retry', 'replay'].map((what) => ({ method: 'POST' as const, path: `/tasks/${id}/${what}` })),
  ),
  ...['/health', '/version', '/readyz', '/policies', '/tasks/stats', '/nowhere', '/tasks/stats/x'].map(
    (path) => ({
      path,
    }),
  ),
  { method: 'POST', path: `/callbacks/${NOWHERE}/redeliver` },
  ...OF_A_TASK.map((end) => ({ path: (ids: string[]) => `/tasks/${ids[0]}${end}` })),
  { path: (ids) => `/tasks/${ids.at(-1)}/explain` },
];

/** When the first tasks have completed, failed, are to be retried, and run. */
export const SECOND: readonly CorpusRequest[] = [
  ...[0, 1, 2, 3, 9, 10].flatMap((place) =>
    ['', '/runs', '/explain', '/callbacks'].map((end) => ({
      path: (ids: string[]) => `/tasks/${ids[place]}${end}`,
    })),
  ),
  ...[0, 1, 2, 3, 4].flatMap((place) =>
    ['retry', 'cancel', 'cancel', 'retry', 'replay'].map((what) => ({
      method: 'POST' as const,
      path: (ids: string[]) => `/tasks/${ids[place]}/${what}`,
    })),
  ),
  ...FILTERS.slice(7, 12).map((filter) => ({ path: `/tasks?${filter}` })),
  { path: '/tasks/stats' },
  { path: '/tasks?limit=200' },
];
