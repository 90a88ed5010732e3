import { matchesRepository } from '../globs.js';
import type { PolicyRule } from '../policy-rule.js';

export const repositoryAllowed: PolicyRule = {
  name: 'repository-allowed',
  code: 'REPOSITORY_NOT_ALLOWED',
  description: 'The repository matches one of `repositories`.',
  check({ target }, { repositories }) {
    const repository = target?.repository ?? null;
    const about = { field: 'target.repository', value: repository, allowed: repositories };
    if (repository === null) {
      return { ...about, outcome: 'not_applicable', message: 'The task names no repository.' };
    }
    return matchesRepository(repositories, repository)
      ? { ...about, outcome: 'passed', message: `The repository ${repository} is allowed.` }
      : {
          ...about,
          outcome: 'violated',
          message: `The repository ${repository} is not allowed; the policy allows: ${repositories.join(', ') || 'none'}.`,
        };
  },
};
