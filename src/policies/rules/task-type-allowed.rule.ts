import { matchesAny } from '../globs.js';
import type { PolicyRule } from '../policy-rule.js';

export const taskTypeAllowed: PolicyRule = {
  name: 'task-type-allowed',
  code: 'TASK_TYPE_NOT_ALLOWED',
  description: 'The task type is one of `types`.',
  check({ type }, { types }) {
    const about = { field: 'type', value: type, allowed: types };
    return matchesAny(types, type)
      ? { ...about, outcome: 'passed', message: `Tasks of type ${type} are allowed.` }
      : {
          ...about,
          outcome: 'violated',
          message: `Tasks of type ${type} are not allowed; the policy allows: ${types.join(', ') || 'none'}.`,
        };
  },
};
