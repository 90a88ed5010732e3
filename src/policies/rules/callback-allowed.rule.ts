import { matchesAny } from '../globs.js';
import type { PolicyRule } from '../policy-rule.js';

export const callbackAllowed: PolicyRule = {
  name: 'callback-allowed',
  code: 'CALLBACK_NOT_ALLOWED',
  description: 'The callback URL passes the outbound guard and its host matches one of `callbacks.hosts`.',
  check({ callback }, { callbacks: { hosts } }) {
    const about = { field: 'callback_url', value: callback?.url ?? null, allowed: hosts };
    if (callback === null) {
      return { ...about, outcome: 'not_applicable', message: 'The task asks for no callback.' };
    }
    if (callback.refusal !== null) return { ...about, outcome: 'violated', message: callback.refusal };
    return matchesAny(hosts, callback.host)
      ? { ...about, outcome: 'passed', message: `Callbacks to ${callback.host} are allowed.` }
      : {
          ...about,
          outcome: 'violated',
          message: `Callbacks to ${callback.host} are not allowed; the policy allows: ${hosts.join(', ') || 'none'}.`,
        };
  },
};
