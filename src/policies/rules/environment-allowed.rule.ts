import { matchesAny } from '../globs.js';
import type { PolicyRule } from '../policy-rule.js';

export const environmentAllowed: PolicyRule = {
  name: 'environment-allowed',
  code: 'ENVIRONMENT_NOT_ALLOWED',
  description: 'The environment matches one of `environments`.',
  check({ target }, { environments }) {
    const environment = target?.environment ?? null;
    const about = { field: 'target.environment', value: environment, allowed: environments };
    if (environment === null) {
      return { ...about, outcome: 'not_applicable', message: 'The task names no environment.' };
    }
    return matchesAny(environments, environment)
      ? { ...about, outcome: 'passed', message: `The environment ${environment} is allowed.` }
      : {
          ...about,
          outcome: 'violated',
          message: `The environment ${environment} is not allowed; the policy allows: ${environments.join(', ') || 'none'}.`,
        };
  },
};
