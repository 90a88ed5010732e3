import { setTimeout as delay } from 'node:timers/promises';
import { expect } from '@jest/globals';
import pg from 'pg';
import type { ApiClient } from './api-client.js';
import type { TowerProcess } from './tower-process.js';

/** The last words of each tower that ends, as it ends. */
export function watchExits(towers: TowerProcess[]): string[] {
  const exits: string[] = [];
  for (const tower of towers) void tower.ended.then(() => exits.push(tower.log.slice(-2_000)));
  return exits;
}

export async function allEnded(api: ApiClient, ids: Iterable<string>): Promise<void> {
  for (const id of ids) expect(await api.ended(id)).toMatchObject({ task_id: id, status: 'completed' });
}

/** Every acknowledged task is there, completed, and has one run that completed. */
export async function eachOnce(url: string, ids: ReadonlySet<string>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ task_id: string; completed: number }>(
    `SELECT task_id, count(*) FILTER (WHERE status = 'completed')::int AS completed FROM task_runs GROUP BY task_id`,
  );
  await client.end();
  const completed = new Map(rows.map((row) => [row.task_id, row.completed]));
  expect([...ids].filter((id) => completed.get(id) !== 1)).toEqual([]);
}

/** Asks until it is so; the test's own time limit bounds it. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await delay(50);
}
