import type { Answer, ApiClient } from './api-client.js';

const ENDED = ['completed', 'failed', 'cancelled'];

/** The run when the condition holds. It is looked at as fast as the API answers; the time limit is the test's. */
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
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The run when it has ended. */
export function runEnded(api: ApiClient, id: string): Promise<Answer['body']> {
  return runUntil(api, id, ({ status }) => ENDED.includes(status as string));
}
