import { Injectable } from '@nestjs/common';
import type { JsonObject } from '../../common/json.js';
import { EVENT_TYPES } from '../../events/event-types.js';
import { workflow } from '../definition/workflow-builder.js';
import { type DefinesWorkflow, WorkflowDefinition } from '../workflow-definition.decorator.js';

const KEEP_INCIDENT = `printf '%s\\n' "$INCIDENT" | tee "$JCT_ARTIFACTS_DIR/incident.json"`;

const TARGET = { repository: '${{ inputs.repository }}', ref: '${{ inputs.ref }}' };
const ENV = { INCIDENT: '${{ json(event) }}', SEVERITY: '${{ inputs.severity }}' };

/**
 * What is known of an incident is written down, the team is told, and what may help is run. Whom to tell and what to run
 * are inputs; without them, those steps are skipped.
 */
@WorkflowDefinition()
@Injectable()
export class IncidentResponse implements DefinesWorkflow {
  define(): JsonObject {
    return workflow('incident_response', 'Automated incident response workflow')
      .triggeredBy(EVENT_TYPES.INFRASTRUCTURE_FAILURE, EVENT_TYPES.SERVICE_DOWN)
      .input('repository', 'string', { description: 'Where the runbooks are, if the commands are in one.' })
      .input('ref', 'string')
      .input('severity', 'string', {
        default: '${{ has(event.priority) ? event.priority : "high" }}',
        enum: ['low', 'medium', 'high', 'critical'],
      })
      .input('assess_command', 'string', { default: KEEP_INCIDENT })
      .input('notify_url', 'string', { description: 'Where the team is told.' })
      .input('mitigation_command', 'string')
      .step('assess_impact', {
        task: {
          type: 'test',
          payload: { script: '${{ inputs.assess_command }}', env: ENV },
          target: TARGET,
          priority: '${{ inputs.severity }}',
        },
      })
      .step('notify_team', {
        needs: ['assess_impact'],
        if: 'inputs.notify_url != null',
        on_failure: 'continue',
        retries: 3,
        task: {
          type: 'notify',
          payload: {
            url: '${{ inputs.notify_url }}',
            message:
              '${{ event.type }} (${{ inputs.severity }}), told by ${{ event.source }}: run ${{ run.id }}',
          },
          priority: '${{ inputs.severity }}',
        },
      })
      .step('start_mitigation', {
        needs: ['notify_team'],
        if: 'inputs.mitigation_command != null',
        task: {
          type: 'deploy',
          payload: { script: '${{ inputs.mitigation_command }}', env: ENV },
          target: TARGET,
          priority: '${{ inputs.severity }}',
        },
      })
      .build();
  }
}
