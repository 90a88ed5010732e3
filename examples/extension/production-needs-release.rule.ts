import { Injectable } from '@nestjs/common';
import type { PolicyInput } from '../../src/policies/policy-input.js';
import { PolicyRule, type RuleCheck } from '../../src/policies/policy-rule.js';

/** What goes to production is a release: nobody deploys a branch there by mistake. */
@PolicyRule()
@Injectable()
export class ProductionNeedsRelease implements PolicyRule {
  readonly name = 'production-needs-release';
  readonly code = 'RELEASE_TAG_MISSING';
  readonly description = 'A deployment to production bears the tag `release`.';

  check({ type, target, tags }: PolicyInput): RuleCheck {
    const about = { field: 'tags', value: [...tags], allowed: ['release'] };
    if (type !== 'deploy' || target?.environment !== 'production') {
      return { ...about, outcome: 'not_applicable', message: 'The task does not deploy to production.' };
    }
    return tags.includes('release')
      ? { ...about, outcome: 'passed', message: 'A release goes to production.' }
      : { ...about, outcome: 'violated', message: 'Only releases go to production: add the tag "release".' };
  }
}
