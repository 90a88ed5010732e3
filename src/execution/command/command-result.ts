import type { JsonObject } from '../../common/json.js';
import type { ArtifactRecord } from '../../task-types/executor.js';
import type { ReportSummaries } from '../reports/read-reports.js';
import type { ProcessEnd } from '../sandbox/process-spec.js';
import type { CheckResult } from './checks.js';

export interface CommandFindings {
  reports: ReportSummaries;
  checks: readonly CheckResult[];
  artifacts: readonly ArtifactRecord[];
}

/** A result may have 64 KiB of JSON. Reports take at most 20 KiB by their own bounds; the lists share the rest. */
const CHECKS_BYTES_MAX = 20 * 1_024;
const ARTIFACTS_BYTES_MAX = 16 * 1_024;

/** `task.result` of a command. manifest.json lists every artifact; here stand the first, and how many there are. */
export function commandResult(end: ProcessEnd, commit: string | null, findings: CommandFindings): JsonObject {
  return {
    exit_code: end.exitCode,
    signal: end.signal,
    duration_ms: end.durationMs,
    commit,
    reports: findings.reports,
    checks: fitting(findings.checks, CHECKS_BYTES_MAX),
    artifacts: fitting(findings.artifacts, ARTIFACTS_BYTES_MAX),
    artifacts_total: findings.artifacts.length,
  };
}

/** As many from the start as fit into so many bytes of JSON. */
function fitting<T>(items: readonly T[], bytesMax: number): T[] {
  let bytes = 0;
  const end = items.findIndex((item) => (bytes += Buffer.byteLength(JSON.stringify(item)) + 1) > bytesMax);
  return items.slice(0, end === -1 ? undefined : end);
}
