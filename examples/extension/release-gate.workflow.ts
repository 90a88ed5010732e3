import { Injectable } from '@nestjs/common';
import type { JsonObject } from '../../src/common/json.js';
import { workflow } from '../../src/workflows/definition/workflow-builder.js';
import {
  type DefinesWorkflow,
  WorkflowDefinition,
} from '../../src/workflows/workflow-definition.decorator.js';

/** A version tag that is pushed goes to production once its tests have passed. */
@WorkflowDefinition()
@Injectable()
export class ReleaseGate implements DefinesWorkflow {
  define(): JsonObject {
    return workflow('release_gate', 'Tests a release and deploys it to production')
      .triggeredBy('release.requested')
      .input('version', 'string', { default: '${{ event.data.version }}' })
      .step('check', { task: { type: 'test', payload: { script: 'true' } } })
      .step('deploy', {
        needs: ['check'],
        task: {
          type: 'deploy',
          payload: { script: 'true' },
          target: { environment: 'production' },
          tags: ['release', 'v${{ inputs.version }}'],
        },
      })
      .build();
  }
}
