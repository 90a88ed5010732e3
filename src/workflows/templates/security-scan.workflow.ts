import { Injectable } from '@nestjs/common';
import type { JsonObject } from '../../common/json.js';
import { EVENT_TYPES } from '../../events/event-types.js';
import { workflow } from '../definition/workflow-builder.js';
import { type DefinesWorkflow, WorkflowDefinition } from '../workflow-definition.decorator.js';
import { FROM_EVENT } from './from-event.js';

const TARGET = { repository: '${{ inputs.repository }}', ref: '${{ inputs.ref }}' };

const FIND_SECRETS = `if grep -rInE --exclude-dir=node_modules --exclude-dir=.git \\
  -e '-----BEGIN [A-Z ]*PRIVATE KEY-----' -e '\\bgh[pousr]_[A-Za-z0-9]{36,}\\b' -e '\\bAKIA[0-9A-Z]{16}\\b' .
then echo 'Secrets in the files above: revoke them.' >&2; exit 1; fi`;

const HAS_LICENCE = `ls LICENSE* LICENCE* COPYING* 2>/dev/null || grep '"license"' package.json ||
  { echo 'No licence is declared.' >&2; exit 1; }`;

const WRITE_REPORT = `printf '%s\\n' "$FINDINGS" | tee "$JCT_ARTIFACTS_DIR/security-report.json"
if [ "$FAILED" = true ]; then echo 'Not every check has passed.' >&2; exit 1; fi`;

const FINDINGS = `{
  "repository": inputs.repository,
  "ref": inputs.ref,
  "vulnerabilities": {"status": steps.scan_vulnerabilities.status, "error": steps.scan_vulnerabilities.error},
  "secrets": {"status": steps.scan_secrets.status, "error": steps.scan_secrets.error},
  "compliance": {"status": steps.compliance_check.status, "error": steps.compliance_check.error}
}`;

const FAILED = ['scan_vulnerabilities', 'scan_secrets', 'compliance_check']
  .map((step) => `steps.${step}.status != "completed"`)
  .join(' || ');

/** Three checks side by side, and a report of all of them, which is written whatever they found, and fails if one did. */
@WorkflowDefinition()
@Injectable()
export class SecurityScan implements DefinesWorkflow {
  define(): JsonObject {
    return workflow('security_scan', 'Automated security scanning workflow')
      .triggeredBy(EVENT_TYPES.CODE_COMMIT, EVENT_TYPES.DEPLOYMENT_COMPLETED)
      .withCondition('has(event.data.repository) || has(event.data.repository_url)')
      .input('repository', 'string', { required: true, default: FROM_EVENT.repository })
      .input('ref', 'string', { default: FROM_EVENT.ref, description: 'Commit, branch or tag.' })
      .input('scan_command', 'string', {
        default: 'npm run scan',
        description: 'Writes its findings as SARIF to scan.sarif.',
      })
      .input('fail_on', 'string', { default: 'error', enum: ['error', 'warning', 'never'] })
      .input('secrets_command', 'string', { default: FIND_SECRETS })
      .input('compliance_command', 'string', { default: HAS_LICENCE })
      .step('scan_vulnerabilities', {
        on_failure: 'continue',
        task: {
          type: 'scan',
          payload: {
            script: '${{ inputs.scan_command }}',
            reports: { sarif: ['scan.sarif'] },
            fail_on: '${{ inputs.fail_on }}',
          },
          target: TARGET,
        },
      })
      .step('scan_secrets', {
        on_failure: 'continue',
        task: { type: 'test', payload: { script: '${{ inputs.secrets_command }}' }, target: TARGET },
      })
      .step('compliance_check', {
        on_failure: 'continue',
        task: { type: 'test', payload: { script: '${{ inputs.compliance_command }}' }, target: TARGET },
      })
      .step('generate_report', {
        needs: ['scan_vulnerabilities', 'scan_secrets', 'compliance_check'],
        task: {
          type: 'test',
          payload: {
            script: WRITE_REPORT,
            env: { FINDINGS: `\${{ json(${FINDINGS}) }}`, FAILED: `\${{ string(${FAILED}) }}` },
          },
        },
      })
      .build();
  }
}
