import { isGranted } from '../grants.js';
import type { PolicyRule } from '../policy-rule.js';

export const sandboxMode: PolicyRule = {
  name: 'sandbox-mode',
  code: 'SANDBOX_NOT_GRANTED',
  description:
    'A task runs without a sandbox only where `grants` give `sandbox_none` to its type, repository and environment.',
  check(input, policy) {
    const { mode } = input.options.sandbox;
    const about = { field: 'options.sandbox.mode', value: mode, allowed: ['required', 'preferred'] };
    if (mode !== 'none') {
      return { ...about, outcome: 'passed', message: `The sandbox mode ${mode} is allowed.` };
    }
    return isGranted('sandbox_none', input, policy)
      ? {
          ...about,
          allowed: [...about.allowed, mode],
          outcome: 'passed',
          message: 'A grant of the policy lets this task run without a sandbox.',
        }
      : {
          ...about,
          outcome: 'violated',
          message:
            `No grant of the policy lets ${input.type} tasks with this repository and environment run without a sandbox; ` +
            'ask for "preferred", or have a grant with "sandbox_none: true" added to the policy.',
        };
  },
};
