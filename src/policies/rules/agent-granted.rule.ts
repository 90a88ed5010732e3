import { matchesAny } from '../globs.js';
import type { PolicyRule } from '../policy-rule.js';

const AGENT = 'agent:';

export const agentGranted: PolicyRule = {
  name: 'agent-granted',
  code: 'AGENT_NOT_GRANTED',
  description:
    'A task that an agent hands in is of a type that `agents` grants to it; nothing is granted by default.',
  check({ type, actor }, { agents }) {
    if (!actor?.startsWith(AGENT)) {
      const message = 'The task was not handed in by an agent.';
      return { field: 'type', value: type, allowed: null, outcome: 'not_applicable', message };
    }
    const name = actor.slice(AGENT.length);
    const allowed = agents.filter(({ names }) => matchesAny(names, name)).flatMap(({ types }) => types);
    const about = { field: 'type', value: type, allowed };
    return matchesAny(allowed, type)
      ? { ...about, outcome: 'passed', message: `The agent ${name} may hand in ${type} tasks.` }
      : {
          ...about,
          outcome: 'violated',
          message: `The agent ${name} may not hand in ${type} tasks; the policy grants it: ${allowed.join(', ') || 'nothing'}.`,
        };
  },
};
