import type { PortableDataSource } from '../../src/database/portable-data-source.js';

/** One change of a task's state or run, as a trigger of the database saw it: whoever wrote, and whatever it said. */
export interface ObservedTransition {
  task_id: string;
  old_status: string;
  new_status: string;
  old_run: string | null;
  new_run: string | null;
  attempt: number;
  /** Whether somebody had asked to cancel it. SQLite says 0 and 1. */
  cancel_asked: boolean | number;
}

const TERMINAL = ['completed', 'failed', 'cancelled'];
const COLUMNS = 'task_id, old_status, new_status, old_run, new_run, attempt, cancel_asked';
const VALUES =
  'OLD.id, OLD.status, NEW.status, OLD.run_id, NEW.run_id, NEW.attempt, NEW.cancel_requested_at IS NOT NULL';
const INSERT = `INSERT INTO observed_transitions (${COLUMNS}) VALUES (${VALUES})`;

/** From now on every change of a state or a run, and every change at all of a row that had ended, is written down. */
export async function observeTransitions(dataSource: PortableDataSource): Promise<void> {
  const sqlite = dataSource.dialect === 'sqlite';
  const differs = sqlite ? 'IS NOT' : 'IS DISTINCT FROM';
  const when = `OLD.status <> NEW.status OR OLD.run_id ${differs} NEW.run_id OR OLD.completed_at IS NOT NULL`;
  const seq = sqlite ? 'integer PRIMARY KEY AUTOINCREMENT' : 'bigserial PRIMARY KEY';
  await dataSource.query(
    `CREATE TABLE observed_transitions (seq ${seq}, task_id text, old_status text, new_status text,
       old_run text, new_run text, attempt integer, cancel_asked boolean)`,
  );
  if (sqlite) {
    await dataSource.query(
      `CREATE TRIGGER observe_tasks AFTER UPDATE ON tasks WHEN ${when} BEGIN ${INSERT}; END`,
    );
    return;
  }
  await dataSource.query(
    `CREATE FUNCTION observe_tasks() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${INSERT}; RETURN NULL; END $$`,
  );
  await dataSource.query(
    `CREATE TRIGGER observe_tasks AFTER UPDATE ON tasks FOR EACH ROW WHEN (${when}) EXECUTE FUNCTION observe_tasks()`,
  );
}

/** In the order in which they happened to each task. */
export function observedTransitions(dataSource: PortableDataSource): Promise<ObservedTransition[]> {
  return dataSource.query<ObservedTransition[]>(`SELECT ${COLUMNS} FROM observed_transitions ORDER BY seq`);
}

export function endsTask({ old_status, new_status }: ObservedTransition): boolean {
  return TERMINAL.includes(new_status) && !TERMINAL.includes(old_status);
}

/** Somebody asked for an ended task to run once more: the only way out of an end. */
export function isExplicitRetry({ old_status, new_status }: ObservedTransition): boolean {
  return (old_status === 'failed' || old_status === 'cancelled') && new_status === 'queued';
}

/**
 * What no guarded statement may do: a way out of an end, a second run while one goes on or
 * after a cancellation, a step that does not exist.
 */
export function illegalTransitions(transitions: readonly ObservedTransition[]): string[] {
  return transitions
    .filter((each) => !isLegal(each))
    .map(({ task_id, old_status, new_status, attempt, cancel_asked }) => {
      const cancelled = cancel_asked ? ', although it was to be cancelled' : '';
      return `I2 task ${task_id} went from ${old_status} to ${new_status} at attempt ${attempt}${cancelled}`;
    });
}

function isLegal(transition: ObservedTransition): boolean {
  const { old_status, new_status, new_run } = transition;
  if (isExplicitRetry(transition)) return true;
  if (old_status === 'queued' && new_status === 'running') return !transition.cancel_asked;
  if (old_status === 'queued') return ['cancelled', 'failed'].includes(new_status);
  return old_status === 'running' && new_status !== 'running' && new_run === null;
}
