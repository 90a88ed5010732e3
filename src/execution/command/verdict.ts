import type { JsonObject } from '../../common/json.js';
import type { Failure, Outcome } from '../../task-types/outcome.js';
import type { ReportSummaries } from '../reports/read-reports.js';
import type { ProcessEnd } from '../sandbox/process-spec.js';
import type { CheckResult } from './checks.js';
import { ScanPayload, type CommandPayload } from './command.payload.js';

export interface Ending {
  payload: CommandPayload;
  end: ProcessEnd;
  reports: ReportSummaries;
  checks: readonly CheckResult[];
}

/** What came of a command. Asked in this order: what stopped it, its exit code, its checks, its findings. */
export function outcomeOf(ending: Ending, result: JsonObject): Outcome {
  const { end } = ending;
  if (end.refused !== null) return failed({ reason: 'sandbox', message: end.refused }, result, false);
  switch (end.stopped) {
    case 'timeout':
    case 'cancelled':
    case 'lease_lost':
    case 'shutdown':
      return { status: 'stopped', result };
    case 'memory':
      return failed(
        { reason: 'sandbox', message: 'The command used more memory than its sandbox allows.' },
        result,
      );
    case 'processes':
      return failed(
        { reason: 'sandbox', message: 'The command started more processes than its sandbox allows.' },
        result,
      );
    case null: {
      const failure = refuseExit(ending) ?? refuseChecks(ending.checks) ?? refuseFindings(ending);
      return failure === null ? { status: 'completed', result } : failed(failure, result);
    }
    default:
      return end.stopped satisfies never;
  }
}

function refuseExit({ payload, end }: Ending): Failure | null {
  if (payload.checks?.some((check) => check.exit_code !== undefined) || end.exitCode === 0) return null;
  const message =
    end.exitCode === null
      ? `The command was ended by ${end.signal}.`
      : `The command ended with ${end.exitCode}.`;
  return { reason: 'exit_code', message };
}

function refuseChecks(checks: readonly CheckResult[]): Failure | null {
  const broken = checks.filter((check) => !check.ok);
  if (broken.length === 0) return null;
  const shown = broken.slice(0, 5).map(({ check, message }) => `${check}: ${message}`);
  return {
    reason: 'check',
    message: `${broken.length} of ${checks.length} checks failed. ${shown.join(' ')}`,
  };
}

/** A scan that was to leave a report and left none, or a broken one, has found nothing out. */
function refuseFindings({ payload, reports: { sarif } }: Ending): Failure | null {
  if (!(payload instanceof ScanPayload) || sarif === undefined) return null;
  const failOn = payload.fail_on ?? 'error';
  if (failOn === 'never') return null;
  if (sarif.unreadable > 0) return broken('The scan left SARIF reports that cannot be read.');
  if (sarif.files === 0) return broken('The scan left no SARIF report.');
  const count = sarif.error + (failOn === 'warning' ? sarif.warning : 0);
  return count === 0 ? null : broken(`The scan has ${count} findings at or above "${failOn}".`);
}

function broken(message: string): Failure {
  return { reason: 'check', message };
}

function failed(failure: Failure, result: JsonObject, retryable = true): Outcome {
  return { status: 'failed', failure, result, retryable };
}
