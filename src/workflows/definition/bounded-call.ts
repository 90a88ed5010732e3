import { createContext, Script } from 'node:vm';

const context = createContext({ call: null });
const script = new Script('call()');

/**
 * Calls a function that is ended when it takes too long: V8's watchdog stops loops and regular expressions alike, which
 * nothing in the same thread could. About 0.1 ms a call.
 *
 * @throws Error with the code ERR_SCRIPT_EXECUTION_TIMEOUT, or whatever the function throws
 */
export function boundedCall<T>(call: () => T, timeoutMs: number): T {
  context['call'] = call;
  try {
    return script.runInContext(context, { timeout: timeoutMs }) as T;
  } finally {
    context['call'] = null;
  }
}
