import { Injectable } from '@nestjs/common';
import type { JsonObject } from '../../common/json.js';
import { EVENT_TYPES } from '../../events/event-types.js';
import { workflow } from '../definition/workflow-builder.js';
import { type DefinesWorkflow, WorkflowDefinition } from '../workflow-definition.decorator.js';
import { FROM_EVENT } from './from-event.js';

const target = (environment?: string): JsonObject => ({
  repository: '${{ inputs.repository }}',
  ref: '${{ inputs.ref }}',
  ...(environment === undefined ? {} : { environment }),
});

/** From a commit to production: each step is a task on a fresh checkout of that commit, and the first that fails stops it. */
@WorkflowDefinition()
@Injectable()
export class DeploymentPipeline implements DefinesWorkflow {
  define(): JsonObject {
    return workflow('deployment_pipeline', 'Automated deployment pipeline')
      .triggeredBy(EVENT_TYPES.CODE_COMMIT)
      .withCondition('!has(event.data.branch) || event.data.branch in ["main", "master"]')
      .input('repository', 'string', { required: true, default: FROM_EVENT.repository })
      .input('ref', 'string', { default: FROM_EVENT.ref, description: 'Commit, branch or tag.' })
      .input('test_command', 'string', { default: 'npm test' })
      .input('build_command', 'string', { default: 'npm run build' })
      .input('deploy_command', 'string', {
        default: 'npm run deploy',
        description: 'Deploys to the environment that JCT_ENVIRONMENT names.',
      })
      .input('e2e_command', 'string', { default: 'npm run test:e2e' })
      .input('staging', 'string', { default: 'staging' })
      .input('production', 'string', { default: 'production' })
      .oneAtATime('deploy:${{ inputs.repository }}')
      .step('run_tests', {
        task: { type: 'test', payload: { script: '${{ inputs.test_command }}' }, target: target() },
      })
      .step('build_image', {
        needs: ['run_tests'],
        task: { type: 'build', payload: { script: '${{ inputs.build_command }}' }, target: target() },
      })
      .step('deploy_staging', {
        needs: ['build_image'],
        task: {
          type: 'deploy',
          payload: { script: '${{ inputs.deploy_command }}' },
          target: target('${{ inputs.staging }}'),
        },
      })
      .step('run_e2e_tests', {
        needs: ['deploy_staging'],
        task: {
          type: 'test',
          payload: { script: '${{ inputs.e2e_command }}' },
          target: target('${{ inputs.staging }}'),
        },
      })
      .step('deploy_production', {
        needs: ['run_e2e_tests'],
        task: {
          type: 'deploy',
          payload: { script: '${{ inputs.deploy_command }}' },
          target: target('${{ inputs.production }}'),
        },
      })
      .build();
  }
}
