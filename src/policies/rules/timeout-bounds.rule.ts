import type { PolicyRule } from '../policy-rule.js';

export const timeoutBounds: PolicyRule = {
  name: 'timeout-bounds',
  code: 'TIMEOUT_OUT_OF_BOUNDS',
  description: 'The timeout lies within `timeout_seconds`.',
  check({ options: { timeout_seconds: seconds } }, { timeout_seconds: { min, max } }) {
    const about = { field: 'options.timeout_seconds', value: seconds, allowed: { min, max } };
    return seconds >= min && seconds <= max
      ? { ...about, outcome: 'passed', message: `A timeout of ${seconds} s is allowed.` }
      : {
          ...about,
          outcome: 'violated',
          message: `A timeout of ${seconds} s is not allowed; ask for ${min} to ${max} s.`,
        };
  },
};
