import { setTimeout as delay } from 'node:timers/promises';
import type { Answer, ApiClient } from './api-client.js';

const ENDED = ['completed', 'failed', 'cancelled'];

/** The run when the condition holds. The time limit is the test's. */
export async function runUntil(
  api: ApiClient,
  id: string,
  holds: (run: Answer['body']) => boolean,
): Promise<Answer['body']> {
  for (;;) {
    const { body } = await api.get(`/workflow-runs/${id}`);
    if (holds(body)) return body;
    if (ENDED.includes(body.status as string))
      throw new Error(`Run ${id} has ended: ${JSON.stringify(body)}`);
    await delay(25);
  }
}

/** The run when it has ended. */
export function runEnded(api: ApiClient, id: string): Promise<Answer['body']> {
  return runUntil(api, id, ({ status }) => ENDED.includes(status as string));
}
