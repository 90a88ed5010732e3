import { newId } from '../../common/ids.js';
import type { Dialect } from '../../database/database-url.js';
import type { SqlClock } from '../../database/statements.js';
import { START_EVENTS, TASK_EVENT_SOURCE } from './task-events.js';
import type { Claimant } from './task-queue.js';

interface Statement {
  sql: string;
  parameters: unknown[];
}

/** The guarded UPDATE that takes tasks; on PostgreSQL it records the events of their start as well, in the same statement. */
export function claimSql(dialect: Dialect, clock: SqlClock, claimant: Claimant, limit: number): Statement {
  const postgres = dialect === 'postgres';
  const ids = (): string => JSON.stringify(Array.from({ length: limit }, newId));
  const parameters = [
    claimant.queue,
    limit,
    claimant.workerId,
    ids(),
    claimant.leaseSeconds,
    ...claimant.types,
  ];
  const claim = `UPDATE tasks SET status = 'running', attempt = attempt + 1, worker_id = $3,
      run_id = ${postgres ? `(($4::jsonb) ->> (place::int))::uuid` : `json_extract($4, '$[' || place || ']')`},
      trace_path = ${postgres ? `to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')` : 'substr(created_at, 1, 10)'}
        || '/' || tasks.id || '/run-' || (attempt + 1),
      lease_expires_at = ${clock.after('$5')}, started_at = ${clock.now}, updated_at = ${clock.now}
    FROM numbered WHERE tasks.id = numbered.id RETURNING`;
  const numbered = `WITH picked AS MATERIALIZED (
      ${candidatesSql(clock, claimant, 6)}
      ORDER BY priority_rank, created_at, id LIMIT $2 ${postgres ? 'FOR UPDATE SKIP LOCKED' : ''}),
    numbered AS (SELECT id, row_number() OVER () - 1 AS place FROM picked)`;
  // MATERIALIZED: a planner that evaluates the limited subquery twice would claim more than the limit (Oban's lesson).
  if (!postgres) return { sql: `${numbered} ${claim} *`, parameters };
  const eventIds = `$${parameters.push(ids())}`;
  const sql = `${numbered}, claimed AS (${claim} tasks.*), started AS (${startEventsSql(clock, eventIds)})
    SELECT * FROM claimed`;
  return { sql, parameters };
}

/** Whether there is anything to claim, without the lock that claiming takes. */
export function claimableSql(clock: SqlClock, claimant: Claimant): Statement {
  return {
    sql: `${candidatesSql(clock, claimant, 2)} LIMIT 1`,
    parameters: [claimant.queue, ...claimant.types],
  };
}

/** @param from the number of the parameter with the first type; the queue is number 1 */
function candidatesSql(clock: SqlClock, claimant: Claimant, from: number): string {
  const types = claimant.types.map((_, index) => `$${index + from}`).join(', ');
  return `SELECT id FROM tasks
    WHERE status = 'queued' AND hold IS NULL AND queue = $1 AND type IN (${types})
      AND (expires_at IS NULL OR expires_at > ${clock.now} OR attempt > 0)`;
}

const START_DATA_SQL = `jsonb_build_object('task_id', id, 'type', type, 'status', status, 'attempt', attempt,
  'failure', CASE WHEN failure_reason IS NOT NULL
     THEN jsonb_build_object('reason', failure_reason, 'message', COALESCE(error, '')) END,
  'target', target, 'tags', tags, 'trace_path', trace_path)`;

/** One statement with the claim costs no further round trip. */
function startEventsSql(clock: SqlClock, ids: string): string {
  const cases = [...START_EVENTS].map(([type, event]) => `WHEN '${type}' THEN '${event}'`).join(' ');
  const types = [...START_EVENTS.keys()].map((type) => `'${type}'`).join(', ');
  return `INSERT INTO events (id, type, source, data, priority, priority_rank, tags, status, caused_by_kind,
      caused_by_id, actor, created_at)
    SELECT ((${ids}::jsonb) ->> ((row_number() OVER () - 1)::int))::uuid, CASE type ${cases} END,
      '${TASK_EVENT_SOURCE}', ${START_DATA_SQL}, priority, priority_rank, '{}'::jsonb, 'pending', 'task',
      id::text, requested_by, ${clock.now}
    FROM claimed WHERE type IN (${types})`;
}
