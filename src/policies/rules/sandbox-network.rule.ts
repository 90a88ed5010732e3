import { isGranted } from '../grants.js';
import type { PolicyRule } from '../policy-rule.js';

export const sandboxNetwork: PolicyRule = {
  name: 'sandbox-network',
  code: 'NETWORK_NOT_GRANTED',
  description:
    'A task reaches the network only where `grants` give `network` to its type, repository and environment.',
  check(input, policy) {
    const { network } = input.options.sandbox;
    const about = { field: 'options.sandbox.network', value: network };
    if (!network) {
      return {
        ...about,
        allowed: false,
        outcome: 'not_applicable',
        message: 'The task asks for no network.',
      };
    }
    return isGranted('network', input, policy)
      ? {
          ...about,
          allowed: true,
          outcome: 'passed',
          message: 'A grant of the policy gives this task the network.',
        }
      : {
          ...about,
          allowed: false,
          outcome: 'violated',
          message:
            `No grant of the policy gives the network to ${input.type} tasks with this repository and environment; ` +
            'run it without, or have a grant with "network: true" added to the policy.',
        };
  },
};
