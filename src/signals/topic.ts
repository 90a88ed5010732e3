import { isId } from '../common/ids.js';

/**
 * `work`: a task may be claimed. `settled:<task id>`: it reached a terminal state. `log:<task id>`: its log grew.
 * `cancel:<run id>`: the run shall end. `callbacks`: a callback may be sent.
 * `events`: an event was recorded, or may be delivered. `agents`: an agent shall start or stop, or has.
 * `workflows`: a workflow or a run of one was changed by somebody.
 */
export type Topic =
  | 'work'
  | `settled:${string}`
  | `log:${string}`
  | `cancel:${string}`
  | 'callbacks'
  | 'events'
  | 'agents'
  | 'workflows';

/** Whether this version knows what the text means; another version, or somebody else on the channel, may have sent it. */
export function isTopic(text: string): text is Topic {
  if (['work', 'callbacks', 'events', 'agents', 'workflows'].includes(text)) return true;
  const [, id] = /^(?:settled|log|cancel):(.*)$/.exec(text) ?? [];
  return id !== undefined && isId(id);
}
